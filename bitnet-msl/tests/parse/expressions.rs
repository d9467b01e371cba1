//! Expressions.

use super::check_statements;

const CONTEXT: &str = "
    using namespace metal;
    struct S { int x; };
    typedef device float *ptr_t;
    enum class Mode { A };
    template <typename T, int N> T f(T x) { return x; }
    template <typename T> T f1(T x) { return x; }
    template <int N> int g(int x) { return N; }
    namespace user { struct P { int x; }; template <typename T> T h(T x) { return x; } }
    constant int a = 1; constant int b = 2; constant int c = 3; constant int d = 4;
";

fn check(text: &str, expect: &str) {
    check_statements(CONTEXT, &format!("{text};"), &[expect]);
}

#[test]
fn operators_bind_as_in_cpp() {
    check("a + b * c - d", "(- (+ a (* b c)) d)");
    check("a - b - c", "(- (- a b) c)");
    check("a = b = c", "(= a (= b c))");
    check("a += b ? c : d", "(+= a (? b c d))");
    check("a ? b : c ? d : a", "(? a b (? c d a))");
    check("a ? b, c : d = a", "(? a (, b c) (= d a))");
    check(
        "a || b && c | d ^ a & b == c < d << a + b * c",
        "(|| a (&& b (| c (^ d (& a (== b (< c (<< d (+ a (* b c))))))))))",
    );
    check(
        "a * b + c << d < a == b & c ^ d | a && b || c",
        "(|| (&& (| (^ (& (== (< (<< (+ (* a b) c) d) a) b) c) d) a) b) c)",
    );
    check("a < b > c", "(> (< a b) c)");
    check("a >> b >= c", "(>= (>> a b) c)");
    check("a, b, c", "(, (, a b) c)");
    check("a % b / c", "(/ (% a b) c)");
    check(
        "a <<= b, c >>= d, a &= b, a |= b, a ^= b, a %= b",
        "(, (, (, (, (, (<<= a b) (>>= c d)) (&= a b)) (|= a b)) (^= a b)) (%= a b))",
    );
}

#[test]
fn prefix_and_postfix() {
    check("-!~+a", "(- (! (~ (+ a))))");
    check("*p++", "(deref (_++ p))");
    check("(*p)++", "(_++ (paren (deref p)))");
    check("- -a", "(- (- a))");
    check("--n - --n", "(- (--_ n) (--_ n))");
    check("&p[1]", "(addr (index p 1))");
    check("p[n].x.y(a)(b)[c]", "(index (call (call (. (. (index p n) x) y) a) b) c)");
    check("p->x->y", "(-> (-> p x) y)");
    check("a & -b", "(& a (- b))");
    check("a && *p", "(&& a (deref p))");
    check("v.x < a", "(< (. v x) a)");
    check("v.template get<int>()", "(call (. v get<int>))");
}

#[test]
fn literals() {
    check("1 + 2u + 3ul + 0x10", "(+ (+ (+ 1 2u) 3ul) 16)");
    check("1.5 + 2.0f + 0.5h", "(+ (+ 1.5 2.0f) 0.5h)");
    check("true && nullptr == p || false", "(|| (&& true (== nullptr p)) false)");
    check("'a'", "'97'");
}

#[test]
fn casts_and_parentheses_differ_by_the_name_inside() {
    check("(float)n", "(C-cast float n)");
    check("(a)-n", "(- (paren a) n)");
    check("(S)-n", "(C-cast S (- n))");
    check("(float4)-n", "(C-cast float4 (- n))");
    check("(device const float4 *)p", "(C-cast (ptr device const float4) p)");
    check("(const device uint8_t*)(p + 1)", "(C-cast (ptr device const uint8_t) (paren (+ p 1)))");
    check("(float(n) + 1)", "(paren (+ (make float n) 1))");
    check("(S{1}.x)", "(paren (. (make{} S 1) x))");
    check("(unsigned int)n", "(C-cast ::uint n)");
    check("(unsigned)n * (signed char)a", "(* (C-cast ::uint n) (C-cast char a))");
    check("(metal::uint)(n)", "(C-cast metal::uint (paren n))");
    check("(user::P)n", "(C-cast user::P n)");
    check("(ptr_t)p", "(C-cast ptr_t p)");
    check("(float)(half)(uchar)n", "(C-cast float (C-cast half (C-cast uchar n)))");
    check("(Missing *)p", "(C-cast (ptr Missing) p)");
    check("(Missing)p", "(C-cast Missing p)");
    check("(missing)(p)", "(call (paren missing) p)");
    check("(float4){1, 2}", "(make{} float4 1 2)");
    check("(thread float (&)[4])n", "(C-cast (ref (array thread float 4)) n)");
    check("(Mode)n == Mode::A", "(== (C-cast Mode n) Mode::A)");
    check("-(float)n * a", "(* (- (C-cast float n)) a)");
    check("(uint)sizeof(float4) / n", "(/ (C-cast uint (sizeof-type float4)) n)");
}

#[test]
fn keyword_casts_and_sizes() {
    check("static_cast<float>(n)", "(Static-cast float n)");
    check("reinterpret_cast<device uint*>(p)", "(Reinterpret-cast (ptr device uint) p)");
    check("const_cast<device float*>(p)", "(Const-cast (ptr device float) p)");
    check("static_cast<vec<float, 4>>(n)", "(Static-cast vec<float, E:4> n)");
    check(
        "sizeof(float) + sizeof(n) + sizeof n",
        "(+ (+ (sizeof-type float) (sizeof (paren n))) (sizeof n))",
    );
    check("alignof(float4)", "(alignof float4)");
    check("sizeof(S::x)", "(sizeof (paren S::x))");
}

#[test]
fn constructions() {
    check("float4(1, 2, 3, n)", "(make float4 1 2 3 n)");
    check("metal::float2(n)", "(make metal::float2 n)");
    check("vec<float, 4>(n).x", "(. (make vec<float, E:4> n) x)");
    check("S{1}", "(make{} S 1)");
    check("int(n) + unsigned(n)", "(+ (make int n) (make ::uint n))");
    check("array<float, 3>{1, 2, 3}[n]", "(index (make{} array<float, E:3> 1 2 3) n)");
    check("f1({1, 2})", "(call f1 {1 2})");
    check("Missing{1}", "(make{} Missing 1)");
    check("decltype(n)(1)", "(make (decltype n) 1)");
}

#[test]
fn angle_brackets_open_arguments_by_the_name_before_them() {
    check("as_type<float>(n)", "(call as_type<float> n)");
    check("metal::as_type<half2>(n)", "(call metal::as_type<half2> n)");
    check("f<float, 4>(n)", "(call f<float, E:4> n)");
    check("f<float, 1 + 2>(n)", "(call f<float, E:(+ 1 2)> n)");
    check("f<float, (a > b)>(n)", "(call f<float, E:(paren (> a b))> n)");
    check("f<vec<vec<float, 2>, 2>, 4>(n)", "(call f<vec<vec<float, E:2>, E:2>, E:4> n)");
    check("f1<vec<float, 2>>(n) > a", "(> (call f1<vec<float, E:2>> n) a)");
    check("f1<device float*>(p)", "(call f1<(ptr device float)> p)");
    check(
        "enable_if_t<is_same_v<float, S> && (a > b), int>(n)",
        "(make enable_if_t<E:(&& is_same_v<float, S> (paren (> a b))), int> n)",
    );
    check("a < b", "(< a b)");
    check("n < 3 && n > (a)", "(&& (< n 3) (> n (paren a)))");
    check("unknown < n", "(< unknown n)");
    check("unknown < n && n > (a)", "(&& (< unknown n) (> n (paren a)))");
    check("max<float>(a, b)", "(call max<float> a b)");
    check("metal::max<float>(a, b)", "(call metal::max<float> a b)");
    check("numeric_limits<float>::max()", "(call numeric_limits<float>::max)");
    check("numeric_limits<vec<float, 2>>::max()", "(call numeric_limits<vec<float, E:2>>::max)");
    check(
        "is_same_v<float, S> && is_same<float, half>::value",
        "(&& is_same_v<float, S> is_same<float, half>::value)",
    );
    check("user::h<float>(n)", "(call user::h<float> n)");
    check("g<sizeof(float)>(n)", "(call g<E:(sizeof-type float)> n)");
    check("f1<f1>(n)", "(call f1<E:f1> n)");
    check("fast::exp(n) < precise::exp(n)", "(< (call fast::exp n) (call precise::exp n))");
    check("simdgroup_matrix<float, 8, 8>(0)", "(make simdgroup_matrix<float, E:8, E:8> 0)");
    check("f1<float(*)(float)>(n)", "(call f1<(ptr (fn float [(_ float)]))> n)");
    check("g<a ? 1 : 2>(n)", "(call g<E:(? a 1 2)> n)");
    check("::metal::exp(n)", "(call ::metal::exp n)");
    check(
        "atomic_load_explicit((device atomic_uint *)p, memory_order_relaxed)",
        "(call atomic_load_explicit (C-cast (ptr device atomic_uint) p) memory_order_relaxed)",
    );
}

#[test]
fn strings_join_in_attributes() {
    super::check_items(
        r#"[[host_name("a" "_" "b")]] kernel void k();"#,
        &[r#"(kernel k void [] @host_name("a_b") proto)"#],
    );
}
