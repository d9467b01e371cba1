//! The syntax tree: what the parser read, before any name has been looked up or any type checked.
//!
//! The tree keeps templates as they were written; the checker instantiates them on demand.
//! `Error` variants stand where the parser has already reported a problem and went on.

use crate::source::Span;

/// A name as written, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The text of the name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// A file after preprocessing.
#[derive(Clone, Debug, Default)]
pub struct TranslationUnit {
    /// Declarations in order.
    pub items: Vec<Item>,
}

/// One top-level (or namespace-level) declaration.
#[derive(Clone, Debug)]
pub struct Item {
    /// The whole declaration.
    pub span: Span,
    /// What it declares.
    pub kind: ItemKind,
}

/// The kinds of declaration.
#[derive(Clone, Debug)]
pub enum ItemKind {
    /// A function: definition or prototype, kernel or helper.
    Function(FunctionDecl),
    /// `struct S { … };` (or `class`).
    Struct(StructDecl),
    /// `enum E { … };` or `enum class E : T { … };`.
    Enum(EnumDecl),
    /// `typedef T name;` or `using name = T;`.
    Alias(AliasDecl),
    /// Program-scope variables and function constants.
    Variables(Vec<VarDecl>),
    /// `template <…> item`.
    Template(TemplateDecl),
    /// `template [[host_name("n")]] kernel void f<T>(…);` and its other spellings.
    Instantiation(InstantiationDecl),
    /// `using namespace metal;`.
    UsingNamespace(Path),
    /// `using metal::exp;`.
    UsingDeclaration(Path),
    /// `namespace n { … }`.
    Namespace(NamespaceDecl),
    /// `static_assert(cond, "message");`.
    StaticAssert(Box<Expr>, Option<String>),
    /// `#include <metal_logging>`: declares `os_log` and `os_log_default`.
    LoggingHeader,
    /// A lone `;`.
    Empty,
    /// Reported already. The names that it would have declared, as far as the parser got.
    Error(Vec<Ident>),
}

/// What a function is to the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionStage {
    /// Called from other functions.
    Helper,
    /// `kernel` or `[[kernel]]`.
    Kernel,
    /// `vertex`, `fragment`, …: parsed so that the checker can say it is not supported.
    Graphics,
}

/// A function declaration or definition.
#[derive(Clone, Debug)]
pub struct FunctionDecl {
    /// Name; qualified names (`S::f`) are not supported and reported by the parser.
    pub name: Ident,
    /// Kernel or helper.
    pub stage: FunctionStage,
    /// `constexpr`.
    pub is_constexpr: bool,
    /// `static`.
    pub is_static: bool,
    /// Return type.
    pub ret: TypeExpr,
    /// Parameters in order.
    pub params: Vec<ParamDecl>,
    /// Attributes of the function (`[[host_name("x")]]`, `[[max_total_threads_per_threadgroup(n)]]`, …).
    pub attrs: Vec<Attr>,
    /// The body; `None` for a prototype.
    pub body: Option<Block>,
}

/// One parameter of a function.
#[derive(Clone, Debug)]
pub struct ParamDecl {
    /// Whole parameter.
    pub span: Span,
    /// Name; parameters of prototypes may have none.
    pub name: Option<Ident>,
    /// Declared type. Arrays have not been turned into pointers.
    pub ty: TypeExpr,
    /// `[[buffer(0)]]`, `[[thread_position_in_grid]]`, …
    pub attrs: Vec<Attr>,
    /// Default argument.
    pub default: Option<Expr>,
}

/// One attribute of a `[[…]]` list.
#[derive(Clone, Debug)]
pub struct Attr {
    /// `name` or `scope::name` (as in `clang::optnone`), joined by `::`.
    pub name: Ident,
    /// Arguments between the parentheses.
    pub args: Vec<Expr>,
}

/// A struct, class or union definition or forward declaration.
#[derive(Clone, Debug)]
pub struct StructDecl {
    /// Name; anonymous structs have none.
    pub name: Option<Ident>,
    /// True for `union`.
    pub is_union: bool,
    /// A `class` whose members are private: nothing in it says otherwise.
    pub is_private: bool,
    /// `typedef struct { … } S;`: the name is an alias.
    pub is_named_by_typedef: bool,
    /// Data members in order; `None` for a forward declaration.
    pub fields: Option<Vec<FieldDecl>>,
    /// Attributes.
    pub attrs: Vec<Attr>,
}

/// One data member.
#[derive(Clone, Debug)]
pub struct FieldDecl {
    /// Name; empty for an anonymous struct or union, whose members are found through it, and for a type that the
    /// struct only declares.
    pub name: Ident,
    /// Type, with array declarators applied.
    pub ty: TypeExpr,
    /// Attributes (`[[id(0)]]`, …).
    pub attrs: Vec<Attr>,
    /// Default member initialiser.
    pub init: Option<Expr>,
}

/// An enumeration.
#[derive(Clone, Debug)]
pub struct EnumDecl {
    /// Name; anonymous enumerations have none.
    pub name: Option<Ident>,
    /// True for `enum class`.
    pub scoped: bool,
    /// `typedef enum { … } E;`: the name is an alias.
    pub is_named_by_typedef: bool,
    /// Underlying type, if written.
    pub underlying: Option<TypeExpr>,
    /// Enumerators with their values, if written; `None` for `enum E : T;`.
    pub variants: Option<Vec<(Ident, Option<Expr>)>>,
}

/// A part of a namespace.
#[derive(Clone, Debug)]
pub struct NamespaceDecl {
    /// Name; an anonymous namespace has none.
    pub name: Option<Ident>,
    /// `inline namespace`.
    pub is_inline: bool,
    /// Declarations in order.
    pub items: Vec<Item>,
}

/// `typedef` or `using name = type`.
#[derive(Clone, Debug)]
pub struct AliasDecl {
    /// New name.
    pub name: Ident,
    /// What it stands for.
    pub ty: TypeExpr,
}

/// One declared variable (one declarator of a declaration).
#[derive(Clone, Debug)]
pub struct VarDecl {
    /// Declarator and initialiser.
    pub span: Span,
    /// Name.
    pub name: Ident,
    /// Type with the declarator applied. The address space of the *variable* stands in the
    /// qualifiers of the outermost type for non-arrays, of the innermost element for arrays.
    pub ty: TypeExpr,
    /// `constexpr`.
    pub is_constexpr: bool,
    /// `static`.
    pub is_static: bool,
    /// `extern`.
    pub is_extern: bool,
    /// Attributes (`[[function_constant(0)]]`, …).
    pub attrs: Vec<Attr>,
    /// Initialiser.
    pub init: Option<Init>,
}

/// How a variable was initialised.
#[derive(Clone, Debug)]
pub enum Init {
    /// `= expr` (the expression may be an [`ExprKind::InitList`]).
    Copy(Expr),
    /// `(a, b)`.
    Paren(Vec<Expr>, Span),
    /// `{a, b}` without `=`.
    Brace(Vec<Expr>, Span),
}

/// `template <params> item`.
#[derive(Clone, Debug)]
pub struct TemplateDecl {
    /// Template parameters. Empty for an explicit specialisation (`template <>`).
    pub params: Vec<TemplateParam>,
    /// What is templated.
    pub item: Box<Item>,
}

/// One template parameter.
#[derive(Clone, Debug)]
pub struct TemplateParam {
    /// Whole parameter.
    pub span: Span,
    /// Name; may be left out.
    pub name: Option<Ident>,
    /// Type or value parameter.
    pub kind: TemplateParamKind,
    /// `typename... Ts`.
    pub is_pack: bool,
}

/// Kind and default of a template parameter.
#[derive(Clone, Debug)]
pub enum TemplateParamKind {
    /// `typename T = default`.
    Type(Option<TypeExpr>),
    /// `int N = default`. The parser keeps the declared type.
    Value(TypeExpr, Option<Expr>),
}

/// An explicit instantiation.
#[derive(Clone, Debug)]
pub struct InstantiationDecl {
    /// `[[host_name("…")]]` and others.
    pub attrs: Vec<Attr>,
    /// The function template with its arguments, as in `f<float, 4>`.
    pub path: Path,
    /// The parameters, when they were written (`f<T>(params)`).
    pub params: Option<Vec<ParamDecl>>,
    /// The type written in front of the name (`void`, `decltype(f<…>)`, a typedef).
    pub ty: TypeExpr,
}

/// A possibly qualified name with template arguments: `metal::fast::exp`, `f<float>`, `numeric_limits<T>::max`.
#[derive(Clone, Debug)]
pub struct Path {
    /// Whole path.
    pub span: Span,
    /// `struct`, `union` or `enum` before a name: only types count.
    pub tag: Option<Tag>,
    /// `::name` at the front. Built-in integer types, which nothing can hide, are written so too.
    pub global: bool,
    /// Parts in order; never empty.
    pub segments: Vec<PathSegment>,
}

/// What a type is called where it is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// `struct` or `class`.
    Struct,
    /// `union`.
    Union,
    /// `enum`.
    Enum,
}

impl Tag {
    /// The word as messages print it.
    pub fn word(self) -> &'static str {
        match self {
            Tag::Struct => "struct",
            Tag::Union => "union",
            Tag::Enum => "enum",
        }
    }
}

/// One part of a [`Path`].
#[derive(Clone, Debug)]
pub struct PathSegment {
    /// The name.
    pub name: Ident,
    /// `<…>`, if written.
    pub args: Option<Vec<TemplateArg>>,
}

/// A template argument.
#[derive(Clone, Debug)]
pub enum TemplateArg {
    /// A type. A lone name the parser could not classify is an [`TemplateArg::Expr`] of one path.
    Type(TypeExpr),
    /// A constant expression.
    Expr(Expr),
}

/// Address spaces as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpaceKeyword {
    /// `device`.
    Device,
    /// `constant`.
    Constant,
    /// `threadgroup`.
    Threadgroup,
    /// `thread`.
    Thread,
    /// `threadgroup_imageblock`, `ray_data`, `object_data`: parsed so that the checker can refuse it.
    Unsupported,
}

/// Qualifiers of one level of a type.
#[derive(Clone, Debug, Default)]
pub struct Quals {
    /// `const`.
    pub is_const: bool,
    /// `volatile`.
    pub is_volatile: bool,
    /// `coherent` / `coherent(device)`.
    pub is_coherent: bool,
    /// Address space and its place.
    pub space: Option<(SpaceKeyword, Span)>,
}

/// A type as written.
#[derive(Clone, Debug)]
pub struct TypeExpr {
    /// Whole type.
    pub span: Span,
    /// Qualifiers of this level. `device const float *const p` is a pointer with `is_const`
    /// whose pointee has `space = Device` and `is_const`.
    pub quals: Quals,
    /// The type.
    pub kind: TypeExprKind,
}

/// The shapes of a type.
#[derive(Clone, Debug)]
pub enum TypeExprKind {
    /// A name: `float4`, `S`, `T`, `metal::uint`, `vec<T, 4>`. Multi-word built-ins are normalised by
    /// the parser to one of `char uchar short ushort int uint long ulong` (`unsigned` → `uint`, …).
    Named(Path),
    /// `auto`.
    Auto,
    /// `decltype(expr)`.
    Decltype(Box<Expr>),
    /// `T *`.
    Pointer(Box<TypeExpr>),
    /// `T &`.
    Reference(Box<TypeExpr>),
    /// `T [n]`; without a size `T []`.
    Array(Box<TypeExpr>, Option<Box<Expr>>),
    /// A function type `R(A, B)`, behind a pointer in function-pointer parameters.
    Function(Box<TypeExpr>, Vec<ParamDecl>),
    /// A struct or enum defined in place (`struct {…} x;`, `typedef struct {…} S;`).
    Inline(Box<Item>),
    /// Reported already.
    Error,
}

/// `{ … }`.
#[derive(Clone, Debug)]
pub struct Block {
    /// Braces included.
    pub span: Span,
    /// Statements in order.
    pub stmts: Vec<Stmt>,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// Whole statement.
    pub span: Span,
    /// What it does.
    pub kind: StmtKind,
}

/// The kinds of statement.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `T a = 1, b;`.
    Decl(Vec<VarDecl>),
    /// A local `struct`, `enum`, `typedef`, `using`, `static_assert`.
    Item(Box<Item>),
    /// `expr;`.
    Expr(Expr),
    /// `{ … }`.
    Block(Block),
    /// `if (cond) then else other`; `init` is C++17's `if (init; cond)`.
    If {
        /// `if constexpr`.
        is_constexpr: bool,
        /// Statement before the condition.
        init: Option<Box<Stmt>>,
        /// Condition.
        cond: Box<Condition>,
        /// Taken when true.
        then: Box<Stmt>,
        /// Taken when false.
        other: Option<Box<Stmt>>,
    },
    /// `for (init; cond; step) body`.
    For {
        /// Declaration, expression or empty.
        init: Option<Box<Stmt>>,
        /// Condition; none means true.
        cond: Option<Box<Condition>>,
        /// Step expression.
        step: Option<Box<Expr>>,
        /// Body.
        body: Box<Stmt>,
    },
    /// `while (cond) body`.
    While(Box<Condition>, Box<Stmt>),
    /// `do body while (cond);`.
    DoWhile(Box<Stmt>, Box<Expr>),
    /// `switch (value) { … }`.
    Switch(Box<Expr>, Vec<SwitchSection>),
    /// `break;`.
    Break,
    /// `continue;`.
    Continue,
    /// `return expr;`.
    Return(Option<Expr>),
    /// `;`.
    Empty,
    /// Reported already. The names that it would have declared, as far as the parser got.
    Error(Vec<Ident>),
}

/// The condition of `if`, `for`, `while`: an expression, or a declaration tested against zero.
#[derive(Clone, Debug)]
pub enum Condition {
    /// `if (x)`.
    Expr(Expr),
    /// `if (int x = f())`.
    Decl(VarDecl),
}

/// Labels of a `switch` and the statements up to the next label. Sections fall through.
#[derive(Clone, Debug)]
pub struct SwitchSection {
    /// `case` values; `None` is `default`.
    pub labels: Vec<(Option<Expr>, Span)>,
    /// Statements.
    pub stmts: Vec<Stmt>,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Whole expression.
    pub span: Span,
    /// What it computes.
    pub kind: ExprKind,
}

/// Suffix and radix of an integer literal: with its value they decide its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntSuffix {
    /// Written in decimal: unsigned with the suffix `u` only.
    pub decimal: bool,
    /// `u`.
    pub unsigned: bool,
    /// `l`.
    pub long: bool,
}

/// Suffix of a floating-point literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatSuffix {
    /// None: `float` in MSL.
    None,
    /// `f`.
    F,
    /// `h`.
    H,
    /// `bf`.
    Bf,
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixOp {
    /// `+x`
    Plus,
    /// `-x`
    Neg,
    /// `!x`
    Not,
    /// `~x`
    BitNot,
    /// `++x`
    Inc,
    /// `--x`
    Dec,
    /// `*p`
    Deref,
    /// `&x`
    AddressOf,
}

/// Infix operators, assignment apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfixOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `&&`
    LogicalAnd,
    /// `||`
    LogicalOr,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// C++ cast keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastKind {
    /// `(T)x`
    C,
    /// `static_cast<T>(x)`
    Static,
    /// `reinterpret_cast<T>(x)`
    Reinterpret,
    /// `const_cast<T>(x)`
    Const,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Integer literal.
    Int(u64, IntSuffix),
    /// Floating-point literal, at full double precision.
    Float(f64, FloatSuffix),
    /// `true`, `false`.
    Bool(bool),
    /// Character literal, as its value.
    Char(u32),
    /// String literal, adjacent ones joined; only in attributes, `static_assert` and logging.
    Str(String),
    /// `nullptr`.
    Nullptr,
    /// A name.
    Path(Path),
    /// `-x`, `*p`, `++i`, …
    Prefix(PrefixOp, Box<Expr>),
    /// `i++` (true) or `i--` (false).
    Postfix(bool, Box<Expr>),
    /// `a + b`, …
    Infix(InfixOp, Box<Expr>, Box<Expr>),
    /// `a = b` (`None`) or `a += b` (`Some(Add)`).
    Assign(Option<InfixOp>, Box<Expr>, Box<Expr>),
    /// `c ? a : b`.
    Ternary(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `a, b`.
    Comma(Box<Expr>, Box<Expr>),
    /// `f(args)`.
    Call(Box<Expr>, Vec<Expr>),
    /// `T(args)`, and `T{args}` when `braces`.
    Construct {
        /// The type.
        ty: Box<TypeExpr>,
        /// Arguments.
        args: Vec<Expr>,
        /// `{}` instead of `()`.
        braces: bool,
    },
    /// `{a, b}`.
    InitList(Vec<Expr>),
    /// `p[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `s.m`, and `p->m` when the flag is set. Template arguments as in `s.f<int>()`.
    Member(Box<Expr>, PathSegment, bool),
    /// A cast.
    Cast(CastKind, Box<TypeExpr>, Box<Expr>),
    /// `sizeof(T)`.
    SizeofType(Box<TypeExpr>),
    /// `sizeof expr`.
    SizeofExpr(Box<Expr>),
    /// `alignof(T)`.
    AlignofType(Box<TypeExpr>),
    /// `(x)`: kept because `decltype((x))` and warnings need it.
    Paren(Box<Expr>),
    /// Reported already.
    Error,
}
