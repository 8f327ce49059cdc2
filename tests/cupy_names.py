"""What CuPy 13.6 exports, read off its sources: names, and for functions the arguments that they take."""

# NumPy's own objects
FROM_NUMPY = '''
e euler_gamma inf nan newaxis pi complexfloating floating generic inexact integer number signedinteger
unsignedinteger bool_ byte short intc int_ longlong intp int8 int16 int32 int64 ubyte ushort uintc uint ulonglong
uintp uint8 uint16 uint32 uint64 half single double float_ float16 float32 float64 csingle singlecomplex cdouble
cfloat complex_ complex64 complex128 broadcast_shapes promote_types dtype finfo iinfo issubdtype mintypecode
typename index_exp ndindex s_ get_printoptions set_printoptions printoptions iterable format_parser DataSource
find_common_type set_string_function get_array_wrap disp safe_eval
'''

# elementwise functions: out, dtype and casting alone beside the arrays
UFUNCS = '''
abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_not bitwise_or bitwise_xor
cbrt ceil conj conjugate copysign cos cosh deg2rad degrees divide divmod equal exp exp2 expm1 fabs float_power floor
floor_divide fmax fmin fmod frexp gcd greater greater_equal heaviside hypot invert isfinite isinf isnan lcm ldexp
left_shift less less_equal log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor
maximum minimum mod modf multiply negative nextafter not_equal positive power rad2deg radians reciprocal remainder
right_shift rint sign signbit sin sinc sinh sqrt square subtract tan tanh true_divide trunc
'''

# functions, in cupy
FUNCTIONS = '''
all(a axis out keepdims); allclose(a b rtol atol equal_nan); alltrue(a axis out keepdims); amax(a axis out
keepdims); amin(a axis out keepdims); angle(z deg); any(a axis out keepdims); append(arr values axis);
apply_along_axis(func1d axis arr *args **kwargs); arange(start stop step dtype); argmax(a axis dtype out keepdims);
argmin(a axis dtype out keepdims); argpartition(a kth axis); argsort(a axis kind); argwhere(a); around(a decimals
out); array(obj dtype copy order subok ndmin * blocking); array2string(a *args **kwargs); array_equal(a1 a2
equal_nan); array_equiv(a1 a2); array_repr(arr max_line_width precision suppress_small); array_split(ary
indices_or_sections axis); array_str(arr max_line_width precision suppress_small); asanyarray(a dtype order *
blocking); asarray(a dtype order * blocking); asarray_chkfinite(a dtype order); ascontiguousarray(a dtype);
asfarray(a dtype); asfortranarray(a dtype); asnumpy(a stream order out * blocking); atleast_1d(*arys);
atleast_2d(*arys); atleast_3d(*arys); average(a axis weights returned * keepdims); bartlett(M); base_repr(number
base padding); binary_repr(num width); bincount(x weights minlength); blackman(M); broadcast(*args);
broadcast_arrays(*args); broadcast_to(array shape); byte_bounds(a); can_cast(from_ to casting); choose(a choices out
mode); clip(a a_min a_max out); column_stack(tup); common_type(*arrays); compress(condition a axis out);
concatenate(tup axis out * dtype casting); convolve(a v mode); copy(a order); copyto(dst src casting where);
corrcoef(a y rowvar bias ddof * dtype); correlate(a v mode); count_nonzero(a axis); cov(a y rowvar bias ddof
fweights aweights * dtype); cross(a b axisa axisb axisc axis); cumprod(a axis dtype out); cumproduct(a axis dtype
out); cumsum(a axis dtype out); delete(arr indices axis); diag(v k); diag_indices(n ndim); diag_indices_from(arr);
diagflat(v k); diagonal(a offset axis1 axis2); diff(a n axis prepend append); digitize(x bins right); dot(a b out);
dsplit(ary indices_or_sections); dstack(tup); ediff1d(arr to_end to_begin); einsum(*operands **kwargs); empty(shape
dtype order); empty_like(prototype dtype order subok shape); expand_dims(a axis); extract(condition a); eye(N M k
dtype order); fill_diagonal(a val wrap); fix(x out); flatnonzero(a); flip(a axis); fliplr(a); flipud(a);
format_float_positional(x *args **kwargs); format_float_scientific(x *args **kwargs); frombuffer(*args **kwargs);
fromfile(*args **kwargs); fromfunction(*args **kwargs); fromiter(*args **kwargs); fromstring(*args **kwargs);
full(shape fill_value dtype order); full_like(a fill_value dtype order subok shape); genfromtxt(*args **kwargs);
get_array_module(*args); get_default_memory_pool(); get_default_pinned_memory_pool(); gradient(f *varargs axis
edge_order); hamming(M); hanning(M); histogram(x bins range weights density); histogram2d(x y bins range weights
density); histogramdd(sample bins range weights density); hsplit(ary indices_or_sections); hstack(tup * dtype
casting); identity(n dtype); imag(val); in1d(ar1 ar2 assume_unique invert); indices(dimensions dtype); inner(a b);
interp(x xp fp left right period); intersect1d(arr1 arr2 assume_unique return_indices); is_available(); isclose(a b
rtol atol equal_nan); iscomplex(x); iscomplexobj(x); isfortran(a); isin(element test_elements assume_unique invert);
isneginf(x out); isposinf(x out); isreal(x); isrealobj(x); isscalar(element); issctype(rep); issubclass_(arg1 arg2);
issubsctype(arg1 arg2); ix_(*args); kaiser(M beta); kron(a b); lexsort(keys); linspace(start stop num endpoint
retstep dtype axis); load(file mmap_mode allow_pickle); loadtxt(*args **kwargs); logspace(start stop num endpoint
base dtype axis); mask_indices(n mask_func k); matmul(a b out); max(a axis out keepdims); may_share_memory(a b
max_work); mean(a axis dtype out keepdims); median(a axis out overwrite_input keepdims); meshgrid(*xi **kwargs);
min(a axis out keepdims); min_scalar_type(a); moveaxis(a source destination); msort(a); nan_to_num(x copy nan posinf
neginf); nanargmax(a axis dtype out keepdims); nanargmin(a axis dtype out keepdims); nancumprod(a axis dtype out);
nancumsum(a axis dtype out); nanmax(a axis out keepdims); nanmean(a axis dtype out keepdims); nanmedian(a axis out
overwrite_input keepdims); nanmin(a axis out keepdims); nanprod(a axis dtype out keepdims); nanstd(a axis dtype out
ddof keepdims); nansum(a axis dtype out keepdims); nanvar(a axis dtype out ddof keepdims); ndim(a); nonzero(a);
obj2sctype(rep default); ones(shape dtype order); ones_like(a dtype order subok shape); outer(a b out); packbits(a
axis bitorder); pad(array pad_width mode **kwargs); partition(a kth axis); percentile(a q axis out overwrite_input
method keepdims * interpolation); piecewise(x condlist funclist); place(arr mask vals); poly(seq_of_zeros);
polyadd(a1 a2); polyfit(x y deg rcond full w cov); polymul(a1 a2); polysub(a1 a2); polyval(p x); prod(a axis dtype
out keepdims); product(a axis dtype out keepdims); ptp(a axis out keepdims); put(a ind v mode); putmask(a mask
values); quantile(a q axis out overwrite_input method keepdims * interpolation); ravel(a order);
ravel_multi_index(multi_index dims mode order); real(val); real_if_close(a tol); repeat(a repeats axis); require(a
dtype requirements); reshape(a newshape order); resize(a new_shape); result_type(*arrays_and_dtypes); roll(a shift
axis); rollaxis(a axis start); roots(p); rot90(a k axes); round(a decimals out); round_(a decimals out);
row_stack(tup * dtype casting); save(file arr allow_pickle); savetxt(fname X *args **kwargs); savez(file *args
**kwds); savez_compressed(file *args **kwds); sctype2char(sctype); searchsorted(a v side sorter); select(condlist
choicelist default); setdiff1d(ar1 ar2 assume_unique); setxor1d(ar1 ar2 assume_unique); shape(a); shares_memory(a b
max_work); show_config(* _full); size(a axis); sometrue(a axis out keepdims); sort(a axis kind); sort_complex(a);
split(ary indices_or_sections axis); squeeze(a axis); stack(tup axis out * dtype casting); std(a axis dtype out ddof
keepdims); sum(a axis dtype out keepdims); swapaxes(a axis1 axis2); take(a indices axis out); take_along_axis(a
indices axis); tensordot(a b axes); tile(A reps); trace(a offset axis1 axis2 dtype out); transpose(a axes); trapz(y
x dx axis); tri(N M k dtype); tril(m k); tril_indices(n k m); tril_indices_from(arr k); trim_zeros(filt trim);
triu(m k); triu_indices(n k m); triu_indices_from(arr k); union1d(arr1 arr2); unique(ar return_index return_inverse
return_counts axis * equal_nan); unpackbits(a axis bitorder); unravel_index(indices dims order); unwrap(p discont
axis * period); vander(x N increasing); var(a axis dtype out ddof keepdims); vdot(a b); vsplit(ary
indices_or_sections); vstack(tup * dtype casting); where(condition x y); who(vardict); zeros(shape dtype order);
zeros_like(a dtype order subok shape)
'''

# methods of cupy.ndarray
METHODS = '''
all(axis out keepdims); any(axis out keepdims); argmax(axis out dtype keepdims); argmin(axis out dtype keepdims);
argpartition(kth axis); argsort(axis); astype(dtype order casting subok copy); choose(choices out mode); clip(min
max out); compress(condition axis out); conj(); conjugate(); copy(order); cumprod(axis dtype out); cumsum(axis dtype
out); diagonal(offset axis1 axis2); dot(b out); fill(value); flatten(order); item(); max(axis out keepdims);
mean(axis dtype out keepdims); min(axis out keepdims); nonzero(); partition(kth axis); prod(axis dtype out
keepdims); ptp(axis out keepdims); put(indices values mode); ravel(order); repeat(repeats axis); reshape(*shape
order); round(decimals out); searchsorted(v side sorter); sort(axis); squeeze(axis); std(axis dtype out ddof
keepdims); sum(axis dtype out keepdims); swapaxes(axis1 axis2); take(indices axis out); tobytes(order); tolist();
trace(offset axis1 axis2 dtype out); transpose(*axes); var(axis dtype out ddof keepdims); view(dtype type)
'''

# in cupy.random
RANDOM = '''
beta(a b size dtype); binomial(n p size dtype); bytes(length); chisquare(df size dtype); choice(a size replace p);
default_rng(seed); dirichlet(alpha size dtype); exponential(scale size dtype); f(dfnum dfden size dtype);
gamma(shape scale size dtype); geometric(p size dtype); get_random_state(); gumbel(loc scale size dtype);
hypergeometric(ngood nbad nsample size dtype); laplace(loc scale size dtype); logistic(loc scale size dtype);
lognormal(mean sigma size dtype); logseries(p size dtype); multinomial(n pvals size); multivariate_normal(mean cov
size check_valid tol method dtype); negative_binomial(n p size dtype); noncentral_chisquare(df nonc size dtype);
noncentral_f(dfnum dfden nonc size dtype); normal(loc scale size dtype); pareto(a size dtype); permutation(a);
poisson(lam size dtype); power(a size dtype); rand(*size **kwarg); randint(low high size dtype); randn(*size
**kwarg); random(size dtype); random_integers(low high size); random_sample(size dtype); ranf(size dtype);
rayleigh(scale size dtype); reset_states(); sample(size dtype); seed(seed); set_random_state(rs); shuffle(a);
standard_cauchy(size dtype); standard_exponential(size dtype); standard_gamma(shape size dtype);
standard_normal(size dtype); standard_t(df size dtype); triangular(left mode right size dtype); uniform(low high
size dtype); vonmises(mu kappa size dtype); wald(mean scale size dtype); weibull(a size dtype); zipf(a size dtype)
'''

# in cupy.linalg
LINALG = '''
cholesky(a); det(a); eigh(a UPLO); eigvalsh(a UPLO); inv(a); lstsq(a b rcond); matrix_power(M n); matrix_rank(M
tol); norm(x ord axis keepdims); pinv(a rcond); qr(a mode); slogdet(a); solve(a b); svd(a full_matrices compute_uv);
tensorinv(a ind); tensorsolve(a b axes)
'''
