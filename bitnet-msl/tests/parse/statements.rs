//! Statements.

use super::check_statements;

const CONTEXT: &str = "
    struct S { int x; };
    template <typename T> struct V { T x; };
    constant int a = 1; constant int b = 2;
";

fn check(text: &str, expect: &[&str]) {
    check_statements(CONTEXT, text, expect);
}

#[test]
fn declarations_and_expressions_differ_by_the_name_in_front() {
    check("S *x;", &["(var x (ptr S))"]);
    check("a * b;", &["(* a b)"]);
    check("Missing *x = n;", &["(var x (ptr Missing) = n)"]);
    check("Missing x;", &["(var x Missing)"]);
    check("missing(x);", &["(call missing x)"]);
    check("float(n);", &["(make float n)"]);
    check("float (*f)(float) = 0;", &["(var f (ptr (fn float [(_ float)])) = 0)"]);
    check("int S = 1; S * n; S < n;", &["(var S int = 1)", "(* S n)", "(< S n)"]);
    check("V<float> v; v.x = 1;", &["(var v V<float>)", "(= (. v x) 1)"]);
    check("n = 1; p[0] = n;", &["(= n 1)", "(= (index p 0) n)"]);
    check("metal::float4 v;", &["(var v metal::float4)"]);
    check("S::y = 1;", &["(= S::y 1)"]);
}

#[test]
fn declarators() {
    check(
        "float q = 1, *r, c[3][4];",
        &["(var q float = 1) (var r (ptr float)) (var c (array (array float 4) 3))"],
    );
    check(
        "threadgroup float t[a * 2][b + 1];",
        &["(var t (array (array threadgroup float (+ b 1)) (* a 2)))"],
    );
    check("device const float *const *x = &p;", &["(var x (ptr const (ptr device const float)) = (addr p))"]);
    check(
        "float const x = 1; float device *y = p;",
        &["(var x const float = 1)", "(var y (ptr device float) = p)"],
    );
    check("thread float (&r)[4] = t;", &["(var r (ref (array thread float 4)) = t)"]);
    check("const thread auto &r = n;", &["(var r (ref thread const auto) = n)"]);
    check(
        "float x(1.0f), y{2}, z[] = {1, 2,};",
        &["(var x float (1.0f)) (var y float {2}) (var z (array float _) = {1 2})"],
    );
    check("float4 v(1, float(n), p[0], 2);", &["(var v float4 (1 (make float n) (index p 0) 2))"]);
    check(
        "unsigned long int x = 1; long unsigned y; short int z; signed w; unsigned char u;",
        &["(var x ::ulong = 1)", "(var y ::ulong)", "(var z short)", "(var w int)", "(var u ::uchar)"],
    );
    check(
        "constexpr int x = 1; static const int y = 2;",
        &["(var constexpr x int = 1)", "(var static y const int = 2)"],
    );
    check(
        "struct { int x; } s; struct T { int y; } t, *u;",
        &["(var s (struct _ (x int)))", "(struct T (y int))", "(var t T) (var u (ptr T))"],
    );
    check(
        "typename S::type x; decltype(n) y = n; auto z = n;",
        &["(var x S::type)", "(var y (decltype n) = n)", "(var z auto = n)"],
    );
    check(
        "volatile device atomic_uint *c = (volatile device atomic_uint *)p;",
        &["(var c (ptr device volatile atomic_uint) = (C-cast (ptr device volatile atomic_uint) p))"],
    );
    check("coherent(device) device float *x = p;", &["(var x (ptr device coherent float) = p)"]);
    check(
        "using T = float; typedef int I, *J; T x; J y; I z;",
        &["(alias T float)", "(alias I int)", "(alias J (ptr int))", "(var x T)", "(var y J)", "(var z I)"],
    );
}

#[test]
fn branches() {
    check("if (n) a; else b;", &["(if n a b)"]);
    check("if (n) if (a) b; else n;", &["(if n (if a b n))"]);
    check("if (n) {} else if (a) {} else if (b) {} else {}", &["(if n {} (if a {} (if b {} {})))"]);
    check("if constexpr (a > 1) {}", &["(if-constexpr (> a 1) {})"]);
    check("if (int x = n) x; else x + 1;", &["(if (var x int = n) x (+ x 1))"]);
    check("if (int x = n; x > 1) {}", &["(if init:(var x int = n) (> x 1) {})"]);
    check("if (n = 1; n) {}", &["(if init:(= n 1) n {})"]);
    check("if (a < n && n > (b)) return;", &["(if (&& (< a n) (> n (paren b))) (return))"]);
}

#[test]
fn loops() {
    check("for (;;) {}", &["(for _ _ _ {})"]);
    check(
        "for (int i = 0, j = 1; i < n; ++i, --j) p[i] = j;",
        &["(for (var i int = 0) (var j int = 1) (< i n) (, (++_ i) (--_ j)) (= (index p i) j))"],
    );
    check("for (n = 0; n < 3; n++) continue;", &["(for (= n 0) (< n 3) (_++ n) continue)"]);
    check("for (uint i = n; int x = a; i++) ;", &["(for (var i uint = n) (var x int = a) (_++ i) empty)"]);
    check("while (n--) { break; }", &["(while (_-- n) {break})"]);
    check("while (int x = n) {}", &["(while (var x int = n) {})"]);
    check("do { n++; } while (n < 3);", &["(do {(_++ n)} (< n 3))"]);
    check("do n++; while (n < 3);", &["(do (_++ n) (< n 3))"]);
    check("[[unroll]] for (;;) {}", &["(for _ _ _ {})"]);
}

#[test]
fn switches() {
    check(
        "switch (n) { case 1: case a + 1: n = 2; break; default: { return; } }",
        &["(switch n [1 (+ a 1): (= n 2) break] [default: {(return)}])"],
    );
    check("switch (n) {}", &["(switch n)"]);
    check("switch (n) { case a ? 1 : 2: ; case 3: }", &["(switch n [(? a 1 2): empty] [3: ])"]);
    check("switch (n) { case S::A: int x = 1; n = x; }", &["(switch n [S::A: (var x int = 1) (= n x)])"]);
    check(
        "switch (n) { case 1: n = 2; [[fallthrough]]; case 2: ; }",
        &["(switch n [1: (= n 2) empty] [2: empty])"],
    );
    check(
        "switch (n) { case 1: switch (a) { default: break; } break; }",
        &["(switch n [1: (switch a [default: break]) break])"],
    );
}

#[test]
fn blocks_and_items_inside_functions() {
    check("{ int S = 1; } S x;", &["{(var S int = 1)}", "(var x S)"]);
    check("struct T { int x; }; T t;", &["(struct T (x int))", "(var t T)"]);
    check("enum { X, Y = 2 }; n = X;", &["(enum _ X Y=2)", "(= n X)"]);
    check("static_assert(a == 1, \"a is \" \"one\");", &["(static-assert (== a 1) \"a is one\")"]);
    check("using namespace metal; ;", &["(using-namespace metal)", "empty"]);
    check("return;", &["(return)"]);
    check("return n, a;", &["(return (, n a))"]);
    check("return {1, 2};", &["(return {1 2})"]);
}
