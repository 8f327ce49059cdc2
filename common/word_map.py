"""Words as points in the plane, near each other where their vectors are (book, 2.4.3, for more words than seven)."""
import importlib.util

import numpy

from common.checks import InputError, check_shape
from common.figures import pyplot, silent_fonts, use_fonts, visible
from common.np import to_cpu
from common.vectors import nearest_words, normalize


def draw_word_map(word_vecs, word_to_id, id_to_word, queries, title, near=(8, 3)):
    """Draw the queries, near[0] neighbours of each, near[1] of each of these and so on, as points in the plane.

    word_vecs (V, D). A query that has no vector is left out; where none has one, the first words of the vocabulary are
    drawn. Each word is joined to the two with the largest cosine: some are far apart in the plane, which has 2 of D
    dimensions. Returns the words and their places (n, 2).
    """
    check_shape('word_vecs', word_vecs, 'VD')
    W = normalize(word_vecs)
    known = [query for query in queries if query in word_to_id] or list(word_to_id)[:20]
    groups = neighbourhood(W, word_to_id, id_to_word, known, near)
    words = list(groups)
    vectors = to_cpu(W)[[word_to_id[word] for word in words]]       # (n, D)
    if not numpy.isfinite(vectors).all():
        raise InputError('word_vecs: expected finite numbers, got NaN or infinite ones')
    places, how = plane(vectors)
    plt = pyplot()
    _, ax = plt.subplots(figsize=(9, 7))
    for i, j in closest_pairs(vectors, 2):
        ax.plot(*places[[i, j]].T, color='0.75', linewidth=0.8, zorder=1)
    colors = {query: f'C{number % 6}' for number, query in enumerate(dict.fromkeys(groups.values()))}
    many = len(words) > len(colors)         # and so a colour tells by which query a word was found
    ax.scatter(*places.T, s=22, c=[colors[query] if many else 'C0' for query in groups.values()], zorder=2)
    ax.set(title=f'{title}\neach word joined to the two with the largest cosine',
           xlabel=f'first {how}', ylabel=f'second {how}')
    if how != 'component':
        ax.set(xticks=(), yticks=())        # of t-SNE only what is near what has a meaning
    ax.margins(0.08)
    place_labels(ax, places, words, {word for word, query in groups.items() if word == query and many})
    return words, places


def neighbourhood(W, word_to_id, id_to_word, queries, near):
    """The queries and their neighbours as draw_word_map draws them: word -> the query by which it was found first.

    W (V, D), rows of length 1.
    """
    found = dict(zip(queries, queries, strict=True))
    for top in near:
        for word, query in list(found.items()):
            for other, _ in nearest_words(W[word_to_id[word]], W, id_to_word, {word}, top):
                found.setdefault(other, query)
    return found


def plane(vectors):
    """Places in the plane (n, 2) for vectors (n, D), and what their two numbers are.

    By t-SNE (van der Maaten and Hinton, 2008) where scikit-learn is there and the words are thirty or more; else by the
    first two principal components: of all planes through the mean, that on which most of the spread is seen.
    """
    if len(vectors) >= 30 and importlib.util.find_spec('sklearn'):
        from sklearn.manifold import TSNE

        tsne = TSNE(perplexity=8, metric='cosine', init='random', method='exact', random_state=0)
        return tsne.fit_transform(vectors), 't-SNE coordinate'
    centred = vectors - vectors.mean(axis=0)
    _, _, Vt = numpy.linalg.svd(centred, full_matrices=False)          # (k, D)
    axes = numpy.zeros((2, vectors.shape[1]), vectors.dtype)
    axes[:len(Vt)] = Vt[:2]
    axes *= numpy.where(axes.sum(axis=1, keepdims=True) < 0, -1, 1)    # the same way round everywhere
    return centred @ axes.T, 'component'


def closest_pairs(vectors, count):
    """The pairs i < j of which one is among the `count` words closest to the other. vectors (n, D) of length 1."""
    cosines = vectors @ vectors.T                                   # (n, n)
    numpy.fill_diagonal(cosines, -numpy.inf)
    return sorted({(min(i, j), max(i, j)) for i, row in enumerate((-cosines).argsort(axis=1, kind='stable').tolist())
                   for j in row[:min(count, len(vectors) - 1)]})


# where a label may stand beside its point: first right of it, then round it, and then further and further away
DIRECTIONS = [(1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0.5), (1, -0.5), (-1, 0.5),
              (-1, -0.5), (0.5, 1), (0.5, -1), (-0.5, 1), (-0.5, -1)]
DISTANCES = (7, 11, 16, 24, 34, 46, 60, 80, 100, 130, 160, 200)     # in pixels


def place_labels(ax, places, labels, bold=()):
    """Write the labels beside their places (n, 2), none over another or over a point; those further off have a line.

    A label for which there is no room within 200 pixels is left out. bold: labels in bold letters.
    """
    figure = ax.figure
    fonts = [{'fontsize': 10, 'weight': 'bold' if label in bold else 'normal'} for label in labels]
    texts = [ax.text(*place, visible(label), **font) for place, label, font in zip(places, labels, fonts, strict=True)]
    use_fonts(figure)
    for text in texts:
        text.set_in_layout(False)
    with silent_fonts():                                            # show tells of them
        figure.draw_without_rendering()                             # from here on it is known how large all is
        sizes = numpy.array([text.get_window_extent().size for text in texts]).reshape(-1, 2)
        sizes += 8, 3                                               # a gap
    figure.set_layout_engine('none')                                # and it stays so
    ax.autoscale(False)
    points = ax.transData.transform(places)                         # (n, 2), in pixels
    taken = numpy.concatenate((points - 4, points + 4), axis=1)        # (n, 4): left, bottom, right, top
    for text, point, size in zip(texts, points, sizes, strict=True):
        box = free_box(point, size, taken, ax.bbox.extents)
        if box is None:
            text.remove()
            continue
        taken = numpy.concatenate((taken, [box]))
        centre = (box[:2] + box[2:]) / 2
        text.set(position=ax.transData.inverted().transform(centre), ha='center', va='center')
        nearest = numpy.clip(point, box[:2], box[2:])                  # where the box is nearest to the point
        if numpy.hypot(*(nearest - point)) > 12:
            ax.plot(*ax.transData.inverted().transform([point, nearest]).T, color='0.5', linewidth=0.6, zorder=1.5)


def free_box(point, size, taken, room):
    """A box (4,) of this size beside the point (2,) in the room that overlaps none of those taken (m, 4), or None."""
    for distance in DISTANCES:
        for direction in numpy.array(DIRECTIONS):
            centre = point + direction * (size / 2 + distance)
            box = numpy.concatenate((centre - size / 2, centre + size / 2))
            inside = (box[:2] >= room[:2]).all() and (box[2:] <= room[2:]).all()
            if inside and not ((box[:2] < taken[:, 2:]) & (box[2:] > taken[:, :2])).all(axis=1).any():
                return box
    return None
