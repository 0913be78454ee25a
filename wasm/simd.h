/* Four lanes of floats or integers: vector extensions of the compiler, and WebAssembly's instructions where these have no
   operator. Natively, lane by lane: the same bits. Compiled with -fno-strict-aliasing and -fwrapv. */
#include <stdint.h>
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

typedef uint8_t u8;
typedef int8_t i8;
typedef uint16_t u16;
typedef int32_t i32;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;
typedef float f32;
typedef double f64;

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))

typedef f32 f4 __attribute__((vector_size(16)));
typedef i32 i4 __attribute__((vector_size(16)));
typedef f32 f4_anywhere __attribute__((vector_size(16), aligned(4)));
typedef i32 i4_anywhere __attribute__((vector_size(16), aligned(4)));

INLINE f4 load_f4(const void *p) { return *(const f4_anywhere *)p; }
INLINE i4 load_i4(const void *p) { return *(const i4_anywhere *)p; }
INLINE void store_f4(void *p, f4 v) { *(f4_anywhere *)p = v; }
INLINE void store_i4(void *p, i4 v) { *(i4_anywhere *)p = v; }

INLINE f4 splat_f4(f32 v) { return (f4){v, v, v, v}; }
INLINE i4 splat_i4(i32 v) { return (i4){v, v, v, v}; }
INLINE f4 bits_f4(i4 v) { return (f4)v; }
INLINE i4 bits_i4(f4 v) { return (i4)v; }

#ifdef __wasm_simd128__
INLINE i4 select_i4(i4 mask, i4 a, i4 b) { return (i4)wasm_v128_bitselect((v128_t)a, (v128_t)b, (v128_t)mask); }
INLINE f4 select_f4(i4 mask, f4 a, f4 b) { return (f4)wasm_v128_bitselect((v128_t)a, (v128_t)b, (v128_t)mask); }
INLINE i32 any(i4 mask) { return wasm_v128_any_true((v128_t)mask); }
/* of a and b, but a where they don't compare: a NaN in a survives */
INLINE f4 pmin_f4(f4 a, f4 b) { return (f4)wasm_f32x4_pmin((v128_t)a, (v128_t)b); }
INLINE f4 pmax_f4(f4 a, f4 b) { return (f4)wasm_f32x4_pmax((v128_t)a, (v128_t)b); }
INLINE f4 sqrt_f4(f4 x) { return (f4)wasm_f32x4_sqrt((v128_t)x); }
INLINE f4 floor_f4(f4 x) { return (f4)wasm_f32x4_floor((v128_t)x); }
INLINE f4 ceil_f4(f4 x) { return (f4)wasm_f32x4_ceil((v128_t)x); }
INLINE f4 trunc_f4(f4 x) { return (f4)wasm_f32x4_trunc((v128_t)x); }
INLINE f4 round_f4(f4 x) { return (f4)wasm_f32x4_nearest((v128_t)x); }
INLINE i4 to_i4(f4 x) { return (i4)wasm_i32x4_trunc_sat_f32x4((v128_t)x); }
#else
INLINE i4 select_i4(i4 mask, i4 a, i4 b) { return (a & mask) | (b & ~mask); }
INLINE f4 select_f4(i4 mask, f4 a, f4 b) { return (f4)select_i4(mask, (i4)a, (i4)b); }
INLINE i32 any(i4 mask) { return (mask[0] | mask[1] | mask[2] | mask[3]) != 0; }
INLINE f4 pmin_f4(f4 a, f4 b) { return select_f4(b < a, b, a); }
INLINE f4 pmax_f4(f4 a, f4 b) { return select_f4(a < b, b, a); }
#define EACH_LANE(type, f) ((type){f(x[0]), f(x[1]), f(x[2]), f(x[3])})
INLINE f4 sqrt_f4(f4 x) { return EACH_LANE(f4, __builtin_sqrtf); }
INLINE f4 floor_f4(f4 x) { return EACH_LANE(f4, __builtin_floorf); }
INLINE f4 ceil_f4(f4 x) { return EACH_LANE(f4, __builtin_ceilf); }
INLINE f4 trunc_f4(f4 x) { return EACH_LANE(f4, __builtin_truncf); }
INLINE f4 round_f4(f4 x) { return EACH_LANE(f4, __builtin_rintf); }
INLINE i32 saturate(f32 x) {
  return x != x ? 0 : x >= 2147483648.0f ? INT32_MAX : x < -2147483648.0f ? INT32_MIN : (i32)x;
}
INLINE i4 to_i4(f4 x) { return EACH_LANE(i4, saturate); }
#endif

INLINE f4 to_f4(i4 x) { return __builtin_convertvector(x, f4); }
INLINE f4 abs_f4(f4 x) { return bits_f4(bits_i4(x) & INT32_MAX); }
INLINE i4 abs_i4(i4 x) { return select_i4(x < 0, -x, x); }
INLINE i4 sign_bit(f4 x) { return bits_i4(x) & INT32_MIN; }
INLINE i4 isnan_f4(f4 x) { return x != x; }
INLINE i4 isinf_f4(f4 x) { return abs_f4(x) == splat_f4(INFINITY); }
/* NaN where either is */
INLINE f4 min_f4(f4 a, f4 b) { return select_f4(isnan_f4(b), b, pmin_f4(a, b)); }
INLINE f4 max_f4(f4 a, f4 b) { return select_f4(isnan_f4(b), b, pmax_f4(a, b)); }
INLINE i4 min_i4(i4 a, i4 b) { return select_i4(b < a, b, a); }
INLINE i4 max_i4(i4 a, i4 b) { return select_i4(a < b, b, a); }
/* the data first, so that NaN survives */
INLINE f4 clamp_f4(f4 x, f4 minimum, f4 maximum) { return pmin_f4(pmax_f4(x, minimum), maximum); }

/* Integers: a division by 0 gives 0, and the smallest number by -1 wraps. */
INLINE i32 divide(i32 a, i32 b) { return b == 0 ? 0 : b == -1 ? (i32)(0u - (u32)a) : a / b; }
INLINE i32 remainder_of(i32 a, i32 b) { return b == 0 || b == -1 ? 0 : a % b; }
INLINE i4 divide_i4(i4 a, i4 b) {
  return (i4){divide(a[0], b[0]), divide(a[1], b[1]), divide(a[2], b[2]), divide(a[3], b[3])};
}
/* with the sign of the divisor */
INLINE i4 modulo_i4(i4 a, i4 b) {
  const i4 r = {remainder_of(a[0], b[0]), remainder_of(a[1], b[1]), remainder_of(a[2], b[2]), remainder_of(a[3], b[3])};
  return r + (b & (r != 0) & ((r ^ b) < 0));
}
/* by less than 0 or more than 31, every bit is shifted out */
INLINE i32 shift_left(i32 a, i32 b) { return b < 0 || b > 31 ? 0 : (i32)((u32)a << b); }

INLINE i4 shift_left_i4(i4 a, i4 b) {
  return (i4){shift_left(a[0], b[0]), shift_left(a[1], b[1]), shift_left(a[2], b[2]), shift_left(a[3], b[3])};
}

INLINE i32 shift_right(i32 a, i32 b) { return a >> (b < 0 || b > 31 ? 31 : b); }

INLINE i4 shift_right_i4(i4 a, i4 b) {
  return (i4){shift_right(a[0], b[0]), shift_right(a[1], b[1]), shift_right(a[2], b[2]), shift_right(a[3], b[3])};
}

INLINE i4 floor_divide_i4(i4 a, i4 b) {
  const i4 q = divide_i4(a, b), r = a - q * b;
  return q + ((b != 0) & (r != 0) & ((r ^ b) < 0));
}
INLINE f4 modulo_f4(f4 a, f4 b) { return a - floor_f4(a / b) * b; }

/* the first n < 4 lanes */
INLINE void store_some(f32 *p, f4 v, i32 n) {
  for (i32 l = 0; l < n; l++) p[l] = v[l];
}
INLINE void store_up_to_4(f32 *p, f4 v, i32 n) {
  if (n >= 4) store_f4(p, v);
  else store_some(p, v, n);
}

/* Runs of words. They don't overlap. */
INLINE void copy_words(void *to, const void *from, i32 n) {
  f32 *y = to;
  const f32 *x = from;
  if (n >= 4) {
    i32 i = 0;
    for (; i + 4 <= n; i += 4) store_f4(y + i, load_f4(x + i));
    store_f4(y + n - 4, load_f4(x + n - 4)); /* the rest once more, with what is before it */
  } else {
    for (i32 i = 0; i < n; i++) ((i32 *)y)[i] = ((const i32 *)x)[i];
  }
}
INLINE void fill_words(void *to, i32 bits, i32 n) {
  i32 *y = to, i = 0;
  const i4 v = splat_i4(bits);
  for (; i + 4 <= n; i += 4) store_i4(y + i, v);
  for (; i < n; i++) y[i] = bits;
}
INLINE i32 minimum_of(i32 a, i32 b) { return a < b ? a : b; }
INLINE i32 maximum_of(i32 a, i32 b) { return a > b ? a : b; }
INLINE i32 ceil_divide(i32 a, i32 b) { return (a + b - 1) / b; }
