//! Syntax trees as S-expressions, one line for each item or statement.

use bitnet_msl::ast::{
    Attr, Block, Condition, Expr, ExprKind, FieldDecl, FloatSuffix, FunctionDecl, FunctionStage, InfixOp,
    Init, Item, ItemKind, ParamDecl, Path, PrefixOp, Quals, SpaceKeyword, Stmt, StmtKind, StructDecl,
    TemplateArg, TemplateParam, TemplateParamKind, TypeExpr, TypeExprKind, VarDecl,
};

/// Joins the parts that are there.
fn list<T>(head: &str, parts: impl IntoIterator<Item = T>) -> String
where
    T: Into<String>,
{
    let mut text = format!("({head}");
    for part in parts {
        let part = part.into();
        if !part.is_empty() {
            text.push(' ');
            text.push_str(&part);
        }
    }
    text.push(')');
    text
}

fn each<T>(things: &[T], show: impl Fn(&T) -> String) -> String {
    things.iter().map(show).collect::<Vec<_>>().join(" ")
}

/// One top-level declaration.
pub(crate) fn item(item: &Item) -> String {
    match &item.kind {
        ItemKind::Function(f) => function(f),
        ItemKind::Struct(s) => structure(s),
        ItemKind::Enum(e) => {
            let head = if e.scoped { "enum-class" } else { "enum" };
            let name = e.name.as_ref().map_or("_".into(), |n| n.name.clone());
            let underlying = e.underlying.as_ref().map_or(String::new(), |t| format!(": {}", ty(t)));
            let variants = e.variants.as_ref().map_or("forward".into(), |variants| {
                each(variants, |(name, value)| match value {
                    Some(value) => format!("{}={}", name.name, expr(value)),
                    None => name.name.clone(),
                })
            });
            list(head, [name, underlying, variants])
        }
        ItemKind::Alias(a) => list("alias", [a.name.name.clone(), ty(&a.ty)]),
        ItemKind::Variables(v) => variables(v),
        ItemKind::Template(t) => {
            list("template", [format!("[{}]", each(&t.params, template_param)), self::item(&t.item)])
        }
        ItemKind::Instantiation(i) => {
            let params = i.params.as_ref().map_or(String::new(), |p| format!("[{}]", each(p, param)));
            list("instantiate", [path(&i.path), ty(&i.ty), params, attrs(&i.attrs)])
        }
        ItemKind::UsingNamespace(p) => list("using-namespace", [path(p)]),
        ItemKind::UsingDeclaration(p) => list("using", [path(p)]),
        ItemKind::Namespace(n) => {
            let head = if n.is_inline { "inline-namespace" } else { "namespace" };
            let name = n.name.as_ref().map_or("_".into(), |n| n.name.clone());
            list(head, [name, each(&n.items, self::item)])
        }
        ItemKind::StaticAssert(cond, message) => {
            let message = message.as_ref().map_or(String::new(), |m| format!("{m:?}"));
            list("static-assert", [expr(cond), message])
        }
        ItemKind::LoggingHeader => "(logging-header)".into(),
        ItemKind::Empty => "(empty)".into(),
        ItemKind::Error(names) if names.is_empty() => "(error)".into(),
        ItemKind::Error(names) => list("error", names.iter().map(|name| name.name.clone())),
    }
}

fn function(f: &FunctionDecl) -> String {
    let stage = match f.stage {
        FunctionStage::Helper => "fn",
        FunctionStage::Kernel => "kernel",
        FunctionStage::Graphics => "graphics",
    };
    let params = format!("[{}]", each(&f.params, param));
    let body = f.body.as_ref().map_or("proto".into(), block);
    list(stage, [f.name.name.clone(), ty(&f.ret), params, attrs(&f.attrs), body])
}

fn param(p: &ParamDecl) -> String {
    let name = p.name.as_ref().map_or("_".into(), |n| n.name.clone());
    let default = p.default.as_ref().map_or(String::new(), |d| format!("={}", expr(d)));
    list(&name, [ty(&p.ty), attrs(&p.attrs), default])
}

fn attrs(attrs: &[Attr]) -> String {
    each(attrs, |a| match a.args.len() {
        0 => format!("@{}", a.name.name),
        _ => format!("@{}({})", a.name.name, each(&a.args, expr)),
    })
}

fn structure(s: &StructDecl) -> String {
    let head = if s.is_union { "union" } else { "struct" };
    let name = s.name.as_ref().map_or("_".into(), |n| n.name.clone());
    let fields = s.fields.as_ref().map_or("forward".into(), |f| each(f, field));
    list(head, [name, attrs(&s.attrs), fields])
}

fn field(f: &FieldDecl) -> String {
    let init = f.init.as_ref().map_or(String::new(), |d| format!("={}", expr(d)));
    list(&f.name.name, [ty(&f.ty), attrs(&f.attrs), init])
}

fn variables(variables: &[VarDecl]) -> String {
    each(variables, |v| {
        let words = [(v.is_constexpr, "constexpr"), (v.is_static, "static"), (v.is_extern, "extern")];
        let words: Vec<&str> = words.iter().filter(|(on, _)| *on).map(|(_, w)| *w).collect();
        let init = match &v.init {
            None => String::new(),
            Some(Init::Copy(value)) => format!("= {}", expr(value)),
            Some(Init::Paren(args, _)) => format!("({})", each(args, expr)),
            Some(Init::Brace(args, _)) => format!("{{{}}}", each(args, expr)),
        };
        list("var", [words.join(" "), v.name.name.clone(), ty(&v.ty), attrs(&v.attrs), init])
    })
}

fn template_param(p: &TemplateParam) -> String {
    let dots = if p.is_pack { "..." } else { "" };
    let name = p.name.as_ref().map_or("_".into(), |n| n.name.clone());
    match &p.kind {
        TemplateParamKind::Type(default) => list(
            "type",
            [format!("{dots}{name}"), default.as_ref().map_or(String::new(), |d| format!("={}", ty(d)))],
        ),
        TemplateParamKind::Value(t, default) => {
            let default = default.as_ref().map_or(String::new(), |d| format!("={}", expr(d)));
            list("value", [format!("{dots}{name}"), ty(t), default])
        }
    }
}

/// A path as it reads, arguments in their own notation: `E` marks an expression.
fn path(p: &Path) -> String {
    let segments: Vec<String> = p
        .segments
        .iter()
        .map(|s| match &s.args {
            None => s.name.name.clone(),
            Some(args) => format!("{}<{}>", s.name.name, template_args(args)),
        })
        .collect();
    let tag = p.tag.map_or(String::new(), |tag| format!("{} ", tag.word()));
    format!("{tag}{}{}", if p.global { "::" } else { "" }, segments.join("::"))
}

fn template_args(args: &[TemplateArg]) -> String {
    let show = |arg: &TemplateArg| match arg {
        TemplateArg::Type(t) => ty(t),
        TemplateArg::Expr(e) => format!("E:{}", expr(e)),
    };
    args.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn quals(q: &Quals) -> Vec<String> {
    let mut words = Vec::new();
    if let Some((space, _)) = q.space {
        let word = match space {
            SpaceKeyword::Device => "device",
            SpaceKeyword::Constant => "constant",
            SpaceKeyword::Threadgroup => "threadgroup",
            SpaceKeyword::Thread => "thread",
            SpaceKeyword::Unsupported => "unsupported-space",
        };
        words.push(word.to_owned());
    }
    for (on, word) in [(q.is_const, "const"), (q.is_volatile, "volatile"), (q.is_coherent, "coherent")] {
        if on {
            words.push(word.to_owned());
        }
    }
    words
}

fn ty(t: &TypeExpr) -> String {
    let mut words = quals(&t.quals);
    let shape = match &t.kind {
        TypeExprKind::Named(p) => path(p),
        TypeExprKind::Auto => "auto".into(),
        TypeExprKind::Decltype(e) => list("decltype", [expr(e)]),
        TypeExprKind::Pointer(inner) => list("ptr", [ty(inner)]),
        TypeExprKind::Reference(inner) => list("ref", [ty(inner)]),
        TypeExprKind::Array(inner, size) => {
            list("array", [ty(inner), size.as_ref().map_or("_".into(), |s| expr(s))])
        }
        TypeExprKind::Function(ret, params) => list("fn", [ty(ret), format!("[{}]", each(params, param))]),
        TypeExprKind::Inline(inner) => item(inner),
        TypeExprKind::Error => "error".into(),
    };
    words.push(shape);
    words.join(" ")
}

fn block(b: &Block) -> String {
    format!("{{{}}}", each(&b.stmts, stmt))
}

/// One statement.
pub(crate) fn stmt(s: &Stmt) -> String {
    let optional = |s: &Option<Box<Stmt>>| s.as_ref().map_or("_".into(), |s| stmt(s));
    match &s.kind {
        StmtKind::Decl(v) => variables(v),
        StmtKind::Item(i) => item(i),
        StmtKind::Expr(e) => expr(e),
        StmtKind::Block(b) => block(b),
        StmtKind::If { is_constexpr, init, cond, then, other } => {
            let head = if *is_constexpr { "if-constexpr" } else { "if" };
            let init = init.as_ref().map_or(String::new(), |i| format!("init:{}", stmt(i)));
            let other = other.as_ref().map_or(String::new(), |o| stmt(o));
            list(head, [init, condition(cond), stmt(then), other])
        }
        StmtKind::For { init, cond, step, body } => {
            let cond = cond.as_ref().map_or("_".into(), |c| condition(c));
            let step = step.as_ref().map_or("_".into(), |s| expr(s));
            list("for", [optional(init), cond, step, stmt(body)])
        }
        StmtKind::While(cond, body) => list("while", [condition(cond), stmt(body)]),
        StmtKind::DoWhile(body, cond) => list("do", [stmt(body), expr(cond)]),
        StmtKind::Switch(value, sections) => {
            let sections = each(sections, |s| {
                let labels = each(&s.labels, |(v, _)| v.as_ref().map_or("default".into(), expr));
                format!("[{labels}: {}]", each(&s.stmts, stmt))
            });
            list("switch", [expr(value), sections])
        }
        StmtKind::Break => "break".into(),
        StmtKind::Continue => "continue".into(),
        StmtKind::Return(value) => list("return", value.iter().map(expr)),
        StmtKind::Empty => "empty".into(),
        StmtKind::Error(names) if names.is_empty() => "error".into(),
        StmtKind::Error(names) => list("error", names.iter().map(|name| name.name.clone())),
    }
}

fn condition(c: &Condition) -> String {
    match c {
        Condition::Expr(e) => expr(e),
        Condition::Decl(v) => variables(std::slice::from_ref(v)),
    }
}

fn prefix(op: PrefixOp) -> &'static str {
    match op {
        PrefixOp::Plus => "+",
        PrefixOp::Neg => "-",
        PrefixOp::Not => "!",
        PrefixOp::BitNot => "~",
        PrefixOp::Inc => "++_",
        PrefixOp::Dec => "--_",
        PrefixOp::Deref => "deref",
        PrefixOp::AddressOf => "addr",
    }
}

fn infix(op: InfixOp) -> &'static str {
    match op {
        InfixOp::Add => "+",
        InfixOp::Sub => "-",
        InfixOp::Mul => "*",
        InfixOp::Div => "/",
        InfixOp::Rem => "%",
        InfixOp::Shl => "<<",
        InfixOp::Shr => ">>",
        InfixOp::And => "&",
        InfixOp::Or => "|",
        InfixOp::Xor => "^",
        InfixOp::LogicalAnd => "&&",
        InfixOp::LogicalOr => "||",
        InfixOp::Eq => "==",
        InfixOp::Ne => "!=",
        InfixOp::Lt => "<",
        InfixOp::Le => "<=",
        InfixOp::Gt => ">",
        InfixOp::Ge => ">=",
    }
}

/// One expression.
pub(crate) fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Int(value, s) => {
            format!("{value}{}{}", if s.unsigned { "u" } else { "" }, if s.long { "l" } else { "" })
        }
        ExprKind::Float(value, suffix) => {
            let suffix = match suffix {
                FloatSuffix::None => "",
                FloatSuffix::F => "f",
                FloatSuffix::H => "h",
                FloatSuffix::Bf => "bf",
            };
            format!("{value:?}{suffix}")
        }
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Char(value) => format!("'{value}'"),
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Nullptr => "nullptr".into(),
        ExprKind::Path(p) => path(p),
        ExprKind::Prefix(op, x) => list(prefix(*op), [expr(x)]),
        ExprKind::Postfix(inc, x) => list(if *inc { "_++" } else { "_--" }, [expr(x)]),
        ExprKind::Infix(op, a, b) => list(infix(*op), [expr(a), expr(b)]),
        ExprKind::Assign(op, a, b) => list(&format!("{}=", op.map_or("", infix)), [expr(a), expr(b)]),
        ExprKind::Ternary(c, a, b) => list("?", [expr(c), expr(a), expr(b)]),
        ExprKind::Comma(a, b) => list(",", [expr(a), expr(b)]),
        ExprKind::Call(f, args) => list("call", [expr(f), each(args, expr)]),
        ExprKind::Construct { ty: t, args, braces } => {
            list(if *braces { "make{}" } else { "make" }, [ty(t), each(args, expr)])
        }
        ExprKind::InitList(args) => format!("{{{}}}", each(args, expr)),
        ExprKind::Index(a, i) => list("index", [expr(a), expr(i)]),
        ExprKind::Member(x, segment, arrow) => {
            let args = segment.args.as_ref().map_or(String::new(), |a| format!("<{}>", template_args(a)));
            list(if *arrow { "->" } else { "." }, [expr(x), format!("{}{args}", segment.name.name)])
        }
        ExprKind::Cast(kind, t, x) => list(&format!("{kind:?}-cast"), [ty(t), expr(x)]),
        ExprKind::SizeofType(t) => list("sizeof-type", [ty(t)]),
        ExprKind::SizeofExpr(x) => list("sizeof", [expr(x)]),
        ExprKind::AlignofType(t) => list("alignof", [ty(t)]),
        ExprKind::Paren(x) => list("paren", [expr(x)]),
        ExprKind::Error => "error".into(),
    }
}
