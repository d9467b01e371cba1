//! Wrong text: codes, places, messages, and that the rest is still read.

use super::{dump, read};

/// Checks the diagnostics as `line:column code message`.
fn check(text: &str, expect: &[&str]) {
    let (_, diagnostics, sources) = read(text);
    let found: Vec<String> = diagnostics
        .iter()
        .map(|d| {
            let at = sources.locate(d.primary.span);
            format!("{}:{} {:?} {}", at.line, at.column, d.code, d.message)
        })
        .collect();
    assert_eq!(found, expect, "{text}");
}

/// Checks the tree that is left beside errors.
fn check_rest(text: &str, expect: &[&str]) {
    let (unit, diagnostics, _) = read(text);
    assert!(!diagnostics.is_empty(), "{text}");
    let found: Vec<String> = unit.items.iter().map(dump::item).collect();
    assert_eq!(found, expect, "{text}");
}

#[test]
fn missing_semicolons_are_told_where_they_belong() {
    check("void f() { int x = 1\n  x = 2;\n}", &["1:21 E0201 expected `;` after the declaration, found `x`"]);
    check("void f(int x) {\n  x = 2\n}", &["2:8 E0201 expected `;` after the expression, found `}`"]);
    check("void f(int x) {\n  return x\n}", &["2:11 E0201 expected `;` after the returned value, found `}`"]);
    check(
        "struct S { int x; }\nkernel void k() {}",
        &["1:20 E0201 expected `;` after the struct, found `kernel`"],
    );
    check("struct S { int x }\n;", &["1:17 E0201 expected `;` after the member, found `}`"]);
    check(
        "constant int a = 1\nconstant int b = 2;",
        &["1:19 E0201 expected `;` after the declaration, found `constant`"],
    );
    check("void f() { break }", &["1:17 E0201 expected `;` after `break`, found `}`"]);
}

#[test]
fn rest_is_read_after_a_missing_semicolon() {
    check_rest("struct S { int x; }\nS f();", &["(struct S (x int))", "(fn f S [] proto)"]);
    check_rest("void f(int x) { x = 1 x = 2; }", &["(fn f void [(x int)] {(= x 1) (= x 2)})"]);
}

#[test]
fn several_errors_in_one_run() {
    check(
        "void f(int x) {\n  x = ;\n  int 3;\n  x = 1;\n  if (x {\n    x = (1;\n  }\n}\nint g(int x { }\nconstant int c = ];\n",
        &[
            "2:7 E0201 expected an expression, found `;`",
            "3:7 E0201 expected a name, found number 3",
            "5:9 E0201 expected `)`, found `{`",
            "6:11 E0201 expected `)`, found `;`",
            "9:13 E0201 expected `)`, found `{`",
            "10:18 E0201 expected an expression, found `]`",
        ],
    );
}

#[test]
fn one_bad_declaration_does_not_lose_the_others() {
    check_rest(
        "int ???;\nvoid f() {}\n] ;\nvoid g() {}",
        &["(error)", "(fn f void [] {})", "(error)", "(fn g void [] {})"],
    );
    check_rest("kernel void k(int [) { a; }\nvoid g() {}", &["(error)", "(fn g void [] {})"]);
    check_rest(
        "namespace n { int = 3; void f(); }\nvoid g();",
        &["(namespace n (error) (fn f void [] proto))", "(fn g void [] proto)"],
    );
    check_rest("void f(int x) { x = = 2; x = 3; }", &["(fn f void [(x int)] {error (= x 3)})"]);
    check_rest(
        "void f(int x) { for (int i = 0; i < ; i++) { x = 1; } x = 3; }",
        &["(fn f void [(x int)] {error (= x 3)})"],
    );
    check_rest("}\nvoid g();", &["(fn g void [] proto)"]);
}

#[test]
fn unclosed_brackets_name_their_partner() {
    check("void f() {\n  if (1) {\n}\n", &["4:1 E0201 expected `}`, found the end of the file"]);
    check("void f() {\n  if (1) {\n}\nkernel void g() {}\n", &["4:1 E0201 expected `}`, found `kernel`"]);
    check("void f(int x) { x = g(1, 2; }", &["1:27 E0201 expected `)`, found `;`"]);
    check("struct S { int x;", &["1:18 E0201 expected `}`, found the end of the file"]);
    check("}\n", &["1:1 E0201 `}` without an opening `{`"]);
    check("void f(int x) { x = x ? 1; }", &["1:26 E0201 expected `:`, found `;`"]);
    let (unit, diagnostics, _) = read("void f() {\n  if (1) {\n}\nkernel void g() {}\n");
    assert_eq!(diagnostics[0].secondary.len(), 1);
    assert_eq!(unit.items.len(), 2);
}

#[test]
fn missing_types() {
    check("kernel k(device float *x) {}", &["1:8 E0201 `k` needs a return type"]);
    check_rest("kernel k(device float *x) {}", &["(kernel k void [(x (ptr device float))] {})"]);
    check("static f(int x) {}", &["1:8 E0201 `f` needs a return type"]);
    check(
        "template <typename T> kernel void k(T x);\ntemplate kernel k<int>(int x);",
        &["2:17 E0201 `k` needs a return type"],
    );
    check("template kernel void k<int>;", &["1:22 E0201 `k` is not a function template"]);
    check("constant a = 1;", &["1:12 E0201 expected a name, found `=`"]);
    check("void f(int x) { const x = 1; }", &["1:23 E0201 expected a type, found `x`"]);
}

#[test]
fn names_cannot_be_words_of_the_language() {
    check("int kernel = 1;", &["1:5 E0201 expected a name, found the keyword `kernel`"]);
    check("float float;", &["1:7 E0201 expected a name, found the type `float`"]);
}

#[test]
fn what_msl_leaves_out_is_told() {
    check(
        "void f() { goto end;\nend: ; }",
        &["1:12 E0601 MSL has no `goto`", "2:1 E0601 MSL has no labels, as there is no `goto`"],
    );
    check(
        "void f() { int *p = new int; delete p; }",
        &["1:21 E0601 MSL has no `new` and `delete`", "1:30 E0601 MSL has no `new` and `delete`"],
    );
    check("void f() { try { } catch (int e) { } }", &["1:12 E0601 MSL has no exceptions"]);
    check("struct S { virtual void f(); int x; };", &["1:12 E0601 MSL has no virtual functions"]);
    check("long long x;", &["1:6 E0607 MSL has no type `long long`"]);
}

#[test]
fn what_is_not_supported_is_told() {
    check("void f() { auto g = [](int x) { return x; }; }", &["1:21 E0608 a lambda is not supported yet"]);
    check(
        "void f(int x) { for (int i : x) { x; } x = 1; }",
        &["1:28 E0608 a loop over the elements of a range is not supported yet"],
    );
    check_rest("void f(int x) { for (int i : x) { x; } x = 1; }", &["(fn f void [(x int)] {error (= x 1)})"]);
    check("template <typename... T> void f(T... x);", &["1:34 E0608 a parameter pack is not supported yet"]);
    check(
        "template <typename T> struct S { T x; };\ntemplate <> struct S<int> { int y; };",
        &["2:13 E0602 specialising a struct template is not supported yet"],
    );
    check(
        "template <typename T> T f(T x);\ntemplate <> int f<int>(int x) { return 1; }\nvoid g();",
        &["2:17 E0602 an explicit specialisation is not supported yet"],
    );
    check("struct alignas(16) S { int x; };", &["1:8 E0608 `alignas` is not supported yet"]);
    check(
        "struct S { operator int() const { return 1; } };",
        &["1:12 E0606 a member operator is not supported yet"],
    );
    check(
        "struct S { constexpr operator int() { return 1; } };",
        &["1:22 E0606 a conversion operator is not supported yet"],
    );
    check(
        "int x[4] = {[0 ... 3] = 1}; int y[1] = {[0] = 1}; S z = {.x = 1};",
        &[
            "1:13 E0608 an initialiser that names members or indices is not supported yet",
            "1:41 E0608 an initialiser that names members or indices is not supported yet",
            "1:58 E0608 an initialiser that names members or indices is not supported yet",
        ],
    );
    check("void f(int x) { this; }", &["1:17 E0608 `this` is not supported yet"]);
    check(
        "void f() { int g(int x); }",
        &["1:16 E0608 declaring a function inside a function is not supported"],
    );
}

#[test]
fn members_that_are_no_data_are_skipped() {
    let text = "struct S : B {\npublic:\n  S() : x{1}, y(2) { }\n  float x;\n  float f() const { return x; }\n  ~S();\n  static int n;\n  \
                bool operator==(S s) { return true; }\n  float y : 3;\n  float z;\n};\nvoid g(S s);";
    check(
        text,
        &[
            "1:10 E0606 deriving from a base type is not supported yet",
            "2:1 E0606 access to members is public; changing it is not supported yet",
            "3:3 E0606 a constructor is not supported yet",
            "5:9 E0606 a member function is not supported yet",
            "6:3 E0606 a destructor is not supported yet",
            "7:3 E0606 a static member is not supported yet",
            "8:8 E0606 declaring an operator is not supported yet",
            "9:11 E0608 a bit-field is not supported yet",
        ],
    );
    check_rest(text, &["(struct S (x float) (z float))", "(fn g void [(s S)] proto)"]);
}

#[test]
fn labels_out_of_place() {
    check("void f(int x) { case 1: x = 1; }", &["1:17 E0208 `case` outside a switch"]);
    check(
        "void f(int x) { switch (x) { x = 1; case 1: ; } }",
        &["1:30 E0208 statement in a switch before its first label"],
    );
    check("void f(int x) { switch (x) { case 1: { case 2: ; } } }", &["1:40 E0208 `case` outside a switch"]);
    check("void f(int x) { else x = 1; }", &["1:17 E0201 `else` without an `if` before it"]);
}

#[test]
fn wrong_headers_keep_their_bodies_from_making_more_errors() {
    check(
        "void f(int x) { if (x +) { int y = 1; y = 2; } else { x = 1; } x = 2; }",
        &["1:24 E0201 expected an expression, found `)`"],
    );
    check("void f(int x) { while () x = 1; }", &["1:24 E0201 expected an expression, found `)`"]);
    check("void f(int x) { switch (x { case 1: break; } }", &["1:27 E0201 expected `)`, found `{`"]);
    check("void f(int x) { if x > 1 { x = 2; } }", &["1:20 E0201 expected `(` after `if`, found `x`"]);
}
