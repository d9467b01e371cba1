//! Declarations.

use super::check_items as check;

#[test]
fn functions() {
    check("void f();", &["(fn f void [] proto)"]);
    check("void f(void) {}", &["(fn f void [] {})"]);
    check("float f(float x, int) { return x; }", &["(fn f float [(x float) (_ int)] {(return x)})"]);
    check("static inline constexpr float f(float x = 1.0f);", &["(fn f float [(x float =1.0f)] proto)"]);
    check(
        "device float *f(thread const float4 &v, float a[4]);",
        &["(fn f (ptr device float) [(v (ref thread const float4)) (a (array float 4))] proto)"],
    );
    check(
        "float apply(float (*f)(float), float x) { return f(x); }",
        &["(fn apply float [(f (ptr (fn float [(_ float)]))) (x float)] {(return (call f x))})"],
    );
    check("auto f(int x) -> float;", &["(fn f float [(x int)] proto)"]);
    check("METAL_FUNC float f(Missing x);", &["(fn f float [(x Missing)] proto)"]);
    check(
        "void f(float half_, uint uint_) { half_ < uint_; }",
        &["(fn f void [(half_ float) (uint_ uint)] {(< half_ uint_)})"],
    );
    check("inline __attribute__((always_inline)) int f() { return 1; }", &["(fn f int [] {(return 1)})"]);
}

#[test]
fn kernels() {
    check(
        "kernel void k(device const float *x [[buffer(0)]], constant uint &n [[buffer(1)]], \
         uint id [[thread_position_in_grid]]) {}",
        &["(kernel k void [(x (ptr device const float) @buffer(0)) (n (ref constant uint) @buffer(1)) \
           (id uint @thread_position_in_grid)] {})"],
    );
    check(
        "[[kernel]] void k(uint [[thread_position_in_grid]] id) {}",
        &["(kernel k void [(id uint @thread_position_in_grid)] {})"],
    );
    check("[[host_name(\"x\")]] kernel void k() {}", &["(kernel k void [] @host_name(\"x\") {})"]);
    check(
        "kernel [[max_total_threads_per_threadgroup(256)]] void k() {}",
        &["(kernel k void [] @max_total_threads_per_threadgroup(256) {})"],
    );
    check(
        "kernel void k() [[max_total_threads_per_threadgroup(256)]] {}",
        &["(kernel k void [] @max_total_threads_per_threadgroup(256) {})"],
    );
    check("[[kernel, host_name(\"x\")]] void k();", &["(kernel k void [] @host_name(\"x\") proto)"]);
    check(
        "vertex float4 v(uint id [[vertex_id]]) { return 0; } [[fragment]] half4 g();",
        &["(graphics v float4 [(id uint @vertex_id)] {(return 0)})", "(graphics g half4 [] proto)"],
    );
    check(
        "kernel void k(threadgroup float *t [[threadgroup(0)]], texture2d<float, access::read> s [[texture(0)]]);",
        &[
            "(kernel k void [(t (ptr threadgroup float) @threadgroup(0)) (s texture2d<float, E:access::read> @texture(0))] proto)",
        ],
    );
    check(
        "void f(volatile coherent(system) device uint *x, coherent device uint *y);",
        &["(fn f void [(x (ptr device volatile coherent uint)) (y (ptr device coherent uint))] proto)"],
    );
    check("[[clang::optnone]] void f();", &["(fn f void [] @clang::optnone proto)"]);
}

#[test]
fn variables() {
    check(
        "constant float PI = 3.14f, T[2] = {1, 2};",
        &["(var PI constant float = 3.14f) (var T (array constant float 2) = {1 2})"],
    );
    check(
        "constexpr constant static float k[2][2] = {{1, 2}, {3, 4}};",
        &["(var constexpr static k (array (array constant float 2) 2) = {{1 2} {3 4}})"],
    );
    check(
        "constant bool use_x [[function_constant(0)]];",
        &["(var use_x constant bool @function_constant(0))"],
    );
    check(
        "constant uint n(4); extern constant int e;",
        &["(var n constant uint (4))", "(var extern e constant int)"],
    );
    check("constant struct { int x; } s = {1};", &["(var s constant (struct _ (x int)) = {1})"]);
    check("struct P { int x; } a, b;", &["(struct P (x int))", "(var a P) (var b P)"]);
}

#[test]
fn structs_and_unions() {
    check(
        "struct S { float x, *p; int a[2][3]; uint n = 4; float2 v{1, 2}; };",
        &["(struct S (x float) (p (ptr float)) (a (array (array int 3) 2)) (n uint =4) (v float2 ={1 2}))"],
    );
    check(
        "struct S; union U { int i; float f; }; class C {};",
        &["(struct S forward)", "(union U (i int) (f float))", "(struct C)"],
    );
    check(
        "struct S { struct { int x; } inner; device S *next; };",
        &["(struct S (inner (struct _ (x int))) (next (ptr device S)))"],
    );
    check(
        "struct V { float4 p [[position]]; device float *b [[id(0)]]; };",
        &["(struct V (p float4 @position) (b (ptr device float) @id(0)))"],
    );
    check("typedef struct { int x; } S; S s;", &["(struct S (x int))", "(var s S)"]);
    check(
        "typedef struct S { int x; } S, *P; P p;",
        &["(struct S (x int))", "(alias P (ptr S))", "(var p P)"],
    );
    check("typedef struct S { int x; } T;", &["(struct S (x int))", "(alias T S)"]);
    check(
        "struct S { int x; }; struct S f(struct S s);",
        &["(struct S (x int))", "(fn f struct S [(s struct S)] proto)"],
    );
    check(
        "struct S { struct T { int x; } a, b; enum E { A } e; struct U { int y; }; }; S::T f(S::U);",
        &[
            "(struct S ( (struct T (x int))) (a T) (b T) ( (enum E A)) (e E) ( (struct U (y int))))",
            "(fn f S::T [(_ S::U)] proto)",
        ],
    );
    check("struct S { int x; }; ;", &["(struct S (x int))", "(empty)"]);
}

#[test]
fn enumerations() {
    check(
        "enum E { A, B = 2, C, }; enum class F : ushort { X = 1 << 3 };",
        &["(enum E A B=2 C)", "(enum-class F : ushort X=(<< 1 3))"],
    );
    check("typedef enum { A } E; E f(enum E e);", &["(enum E A)", "(fn f E [(e enum E)] proto)"]);
    check("enum E : int; enum class F;", &["(enum E : int forward)", "(enum-class F forward)"]);
}

#[test]
fn aliases() {
    check(
        "typedef float4 F; typedef float A[4]; typedef float (*G)(int); using H = device F *;",
        &[
            "(alias F float4)",
            "(alias A (array float 4))",
            "(alias G (ptr (fn float [(_ int)])))",
            "(alias H (ptr device F))",
        ],
    );
    check(
        "template <typename T> void f(T x) {} typedef decltype(f<float>) f_t;",
        &["(template [(type T)] (fn f void [(x T)] {}))", "(alias f_t (decltype f<float>))"],
    );
}

#[test]
fn templates() {
    check(
        "template <typename T, class U = float, int N = 4, bool = true> T f(U u) { return T(u) + N; }",
        &["(template [(type T) (type U =float) (value N int =4) (value _ bool =true)] \
         (fn f T [(u U)] {(return (+ (make T u) N))}))"],
    );
    check("template <typename... Ts> void f();", &["(template [(type ...Ts)] (fn f void [] proto))"]);
    check(
        "template <typename T = vec<float, 4>> struct S { T x; S<T> *next; }; S<vec<int, 2>> s;",
        &[
            "(template [(type T =vec<float, E:4>)] (struct S (x T) (next (ptr S<T>))))",
            "(var s S<vec<int, E:2>>)",
        ],
    );
    check(
        "template <typename T> using P = device T *; P<float> f();",
        &["(template [(type T)] (alias P (ptr device T)))", "(fn f P<float> [] proto)"],
    );
    check(
        "template <typename T> constant constexpr T pi = T(3); constant float p = pi<float> < 1;",
        &[
            "(template [(type T)] (var constexpr pi constant T = (make T 3)))",
            "(var p constant float = (< pi<float> 1))",
        ],
    );
    check(
        "template <int N> int f(int x) { return f<N - 1>(x); }",
        &["(template [(value N int)] (fn f int [(x int)] {(return (call f<E:(- N 1)> x))}))"],
    );
    check(
        "template <typename B, short nl, void (*dequantize)(device const B *, short, thread float4 &)> void f();",
        &["(template [(type B) (value nl short) (value dequantize (ptr (fn void [(_ (ptr device const B)) \
           (_ short) (_ (ref thread float4))])))] (fn f void [] proto))"],
    );
    check(
        "template <typename T, typename = enable_if_t<is_same_v<T, float>>> T f(T x);",
        &["(template [(type T) (type _ =enable_if_t<E:is_same_v<T, float>>)] (fn f T [(x T)] proto))"],
    );
    check(
        "template <typename T, typename enable_if<(sizeof(T) > 2), int>::type = 0> T f(T x);",
        &[
            "(template [(type T) (value _ enable_if<E:(paren (> (sizeof-type T) 2)), int>::type =0)] (fn f T [(x T)] proto))",
        ],
    );
    check(
        "template <typename T> void f() { typename T::x y = T::z; T::template g<int>(y); }",
        &["(template [(type T)] (fn f void [] {(var y T::x = T::z) (call T::g<int> y)}))"],
    );
    check("template <> float f(float x);", &["(template [] (fn f float [(x float)] proto))"]);
    check(
        "template <typename T> T f(T x); float f(float x); float g() { return f<float>(1); }",
        &[
            "(template [(type T)] (fn f T [(x T)] proto))",
            "(fn f float [(x float)] proto)",
            "(fn g float [] {(return (call f<float> 1))})",
        ],
    );
    check(
        "template <bool B> kernel void k(device float *x [[buffer(0)]]) { if (B) x[0] = 1; }",
        &[
            "(template [(value B bool)] (kernel k void [(x (ptr device float) @buffer(0))] {(if B (= (index x 0) 1))}))",
        ],
    );
}

#[test]
fn instantiations() {
    let template = "template <typename T, int N> kernel void f(device T *x [[buffer(0)]]) {}";
    let tree = "(template [(type T) (value N int)] (kernel f void [(x (ptr device T) @buffer(0))] {}))";
    let check = |text: &str, expect: &str| check(&format!("{template} {text}"), &[tree, expect]);
    check(
        r#"template [[host_name("f_" "float")]] kernel void f<float, 4>(device float *x [[buffer(0)]]);"#,
        r#"(instantiate f<float, E:4> void [(x (ptr device float) @buffer(0))] @host_name("f_float"))"#,
    );
    check(
        r#"template [[host_name("n")]] [[kernel]] decltype(f<float, 4>) f<float, 4>;"#,
        r#"(instantiate f<float, E:4> (decltype f<float, E:4>) @host_name("n"))"#,
    );
    check(
        r#"template kernel void f<half, 2>(device half *);"#,
        "(instantiate f<half, E:2> void [(_ (ptr device half))])",
    );
    super::check_items(
        &format!(
            r#"{template} typedef decltype(f<half, 1>) f_t; template [[host_name("n")]] kernel f_t f<half, 1>;"#
        ),
        &[tree, "(alias f_t (decltype f<half, E:1>))", r#"(instantiate f<half, E:1> f_t @host_name("n"))"#],
    );
}

#[test]
fn namespaces_and_using() {
    check(
        "namespace a { namespace b { struct S {}; } b::S x; } a::b::S y; using namespace a::b; S *z;",
        &[
            "(namespace a (namespace b (struct S)) (var x b::S))",
            "(var y a::b::S)",
            "(using-namespace a::b)",
            "(var z (ptr S))",
        ],
    );
    check(
        "namespace a::b { typedef int T; } a::b::T x;",
        &["(namespace a (namespace b (alias T int)))", "(var x a::b::T)"],
    );
    check("namespace { struct S {}; } S f();", &["(namespace _ (struct S))", "(fn f S [] proto)"]);
    check(
        "using metal::float4; using metal::exp; static_assert(sizeof(metal::float4) == 16);",
        &[
            "(using metal::float4)",
            "(using metal::exp)",
            "(static-assert (== (sizeof-type metal::float4) 16))",
        ],
    );
}
