//! Types and constants of the standard library.

use super::Checker;
use super::builtins::{
    self, BuiltinEnum, NamedConstant, OtherName, Overloads, named_constant, numeric_limit,
};
use super::const_eval::ConstValue;
use super::operand::{Operand, OperandKind, Rvalue};
use super::scope::{GLOBAL, METAL, METAL_FAST, METAL_PRECISE, NamespaceId};
use super::suggest::closest;
use super::types::{Declared, Enumeration, QualType};
use super::votes;
use crate::ast::{self, TemplateArg};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Scalar, StructId, Type, TypeId};
use crate::options::LanguageVersion;
use crate::source::Span;

/// Prefixes of types that other parts of MSL have.
const UNSUPPORTED_TYPES: &[&str] = &[
    "texture",
    "depth",
    "sampler",
    "simdgroup_",
    "imageblock",
    "intersect",
    "acceleration_structure",
    "ray",
    "visible_function_table",
    "tensor",
    "cooperative_tensor",
    "mesh",
    "command_buffer",
    "compute_command",
    "render_command",
    "patch_control_point",
    "interpolant",
    "array_ref",
];

/// A scalar type by its names.
fn scalar_named(name: &str) -> Option<Scalar> {
    let plain = Scalar::ALL.into_iter().find(|scalar| scalar.msl_name() == name);
    plain.or(match name {
        "int8_t" => Some(Scalar::I8),
        "uint8_t" => Some(Scalar::U8),
        "int16_t" => Some(Scalar::I16),
        "uint16_t" => Some(Scalar::U16),
        "int32_t" => Some(Scalar::I32),
        "uint32_t" => Some(Scalar::U32),
        "int64_t" | "ptrdiff_t" | "intptr_t" => Some(Scalar::I64),
        "uint64_t" | "size_t" | "uintptr_t" => Some(Scalar::U64),
        _ => None,
    })
}

/// A type of the library without template arguments.
pub(super) fn type_named(name: &str) -> Option<Type> {
    if name == "void" {
        return Some(Type::Void);
    }
    if let Some(scalar) = scalar_named(name) {
        return Some(Type::Scalar(scalar));
    }
    if let Some(rest) = name.strip_prefix("atomic_") {
        return atomic_scalar(scalar_named(rest)?).map(Type::Atomic);
    }
    let (packed, plain) = match name.strip_prefix("packed_") {
        Some(plain) => (true, plain),
        None => (false, name),
    };
    let digit = plain.find(|c: char| c.is_ascii_digit())?;
    let (scalar, shape) = plain.split_at(digit);
    let elem = Scalar::ALL.into_iter().find(|s| s.msl_name() == scalar)?;
    let size = |text: &str| text.parse::<u8>().ok().filter(|n| (2..=4).contains(n));
    match shape.split_once('x') {
        Some((cols, rows)) if !packed && matches!(elem, Scalar::F16 | Scalar::F32) => {
            Some(Type::Matrix { elem, cols: size(cols)?, rows: size(rows)? })
        }
        Some(_) => None,
        None => Some(Type::Vector { elem, len: size(shape)?, packed }),
    }
}

/// Scalars that have an atomic type.
fn atomic_scalar(scalar: Scalar) -> Option<Scalar> {
    matches!(scalar, Scalar::Bool | Scalar::I32 | Scalar::U32 | Scalar::U64 | Scalar::F32).then_some(scalar)
}

/// Templates of types that are supported.
const TEMPLATES: [&str; 5] = ["vec", "packed_vec", "matrix", "atomic", "array"];

/// Templates that only their members are of use.
const QUERIES: [&str; 3] = ["numeric_limits", "is_same", "is_same_v"];

/// Types that are keywords: nothing hides them, and they belong to no namespace.
const KEYWORDS: [&str; 9] = ["void", "bool", "char", "short", "int", "long", "half", "bfloat", "float"];

/// What one of the library's namespaces declares a name as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LibraryName {
    /// A type; an enumeration or one that is not supported has none here.
    Type(Option<Type>),
    /// A template of types.
    Template,
    /// Functions of this name.
    Function(&'static str),
    /// A function that is not supported, and the type of its parameter.
    Unsupported(&'static str, &'static str),
    /// An enumerator.
    Constant,
}

impl LibraryName {
    pub(super) fn is_function(self) -> bool {
        matches!(self, LibraryName::Function(_) | LibraryName::Unsupported(..))
    }

    /// The kind of thing, with its article.
    pub(super) fn describe(self) -> &'static str {
        match self {
            LibraryName::Type(_) => "a type",
            LibraryName::Template => "a template",
            LibraryName::Function(_) | LibraryName::Unsupported(..) => "a function",
            LibraryName::Constant => "a constant",
        }
    }
}

/// What the library declares in a namespace under a name. Scalars and vectors are global, and in `metal` too; the
/// rest is in `metal` [MSL 2, 6].
pub(super) fn declared_in(
    namespace: NamespaceId,
    name: &str,
    version: LanguageVersion,
) -> Option<LibraryName> {
    match namespace {
        GLOBAL => type_named(name)
            .filter(|ty| is_global(*ty) && is_in_version(*ty, version))
            .map(|ty| LibraryName::Type(Some(ty))),
        METAL => declared_in_metal(name, version),
        METAL_FAST | METAL_PRECISE => builtins::lookup(name)
            .filter(|family| family.is_in(overloads_in(namespace)))
            .map(|family| LibraryName::Function(family.name)),
        _ => None,
    }
}

/// The overloads that a name has in a namespace of the library.
pub(super) fn overloads_in(namespace: NamespaceId) -> Overloads {
    match namespace {
        METAL_FAST | METAL_PRECISE => Overloads::Float,
        _ => Overloads::All,
    }
}

fn declared_in_metal(name: &str, version: LanguageVersion) -> Option<LibraryName> {
    if let Some(family) = builtins::lookup(name) {
        return Some(LibraryName::Function(family.name));
    }
    if TEMPLATES.contains(&name) || QUERIES.contains(&name) {
        return Some(LibraryName::Template);
    }
    if BuiltinEnum::from_name(name).is_some() {
        return Some(LibraryName::Type(None));
    }
    if named_constant(name).is_some_and(|constant| constant.enumeration.is_some()) {
        return Some(LibraryName::Constant);
    }
    if let Some(ty) = type_named(name).filter(|ty| is_in_version(*ty, version)) {
        return Some(LibraryName::Type(Some(ty)));
    }
    builtins::other_name(name).map(|(name, other)| match other {
        OtherName::Type => LibraryName::Type(None),
        OtherName::Template => LibraryName::Template,
        OtherName::Function(param) => LibraryName::Unsupported(name, param),
    })
}

/// Whether the type is declared outside of namespace `metal`.
fn is_global(ty: Type) -> bool {
    matches!(ty, Type::Void | Type::Scalar(_) | Type::Vector { .. })
}

/// Whether a language version has the type.
fn is_in_version(ty: Type, version: LanguageVersion) -> bool {
    let is_bfloat = matches!(ty, Type::Scalar(Scalar::BF16) | Type::Vector { elem: Scalar::BF16, .. });
    !is_bfloat || version >= LanguageVersion::Metal3_1
}

impl<'a> Checker<'a> {
    /// Whether a path names something that the standard library declares, and nothing that the program does.
    pub(super) fn is_library_path(&self, path: &ast::Path) -> bool {
        let is_keyword = |segment: &ast::PathSegment| KEYWORDS.contains(&segment.name.name.as_str());
        match &path.segments[..] {
            [segment] if is_keyword(segment) => true,
            segments => self.is_of_library(path, segments.len()),
        }
    }

    /// Whether a path names a type of the standard library.
    pub(super) fn is_library_type(&self, path: &ast::Path) -> bool {
        let Some(last) = path.segments.last() else { return false };
        let name = last.name.name.as_str();
        let is_type = type_named(name).is_some()
            || BuiltinEnum::from_name(name).is_some()
            || (last.args.is_some() && TEMPLATES.contains(&name));
        votes::bits_of_vote(path).is_some() || is_type && self.is_library_path(path)
    }

    /// Whether a name that is to be declared here is one of the library's global types.
    pub(super) fn is_global_library_type(&self, name: &str) -> bool {
        self.global_library_type(name).is_some()
    }

    /// Whether a name that is to be declared here as a type is the library's name of that same type.
    pub(super) fn is_global_library_type_as(&self, name: &str, declared: Declared) -> bool {
        self.global_library_type(name).is_some_and(|ty| self.is_plain_type(declared, ty))
    }

    fn global_library_type(&self, name: &str) -> Option<Type> {
        let is_here = self.scopes.current_namespace() == GLOBAL && !self.scopes.is_in_block();
        type_named(name)
            .filter(|ty| is_here && is_global(*ty) && is_in_version(*ty, self.options.language_version))
    }

    /// Whether a declared type is this one, without qualifiers.
    pub(super) fn is_plain_type(&self, declared: Declared, ty: Type) -> bool {
        let Declared { ty: qual, space, reference } = declared;
        self.ty(qual.ty) == ty && qual == QualType::plain(qual.ty) && space.is_none() && reference.is_none()
    }

    /// A type of the standard library; reports it if there is none.
    pub(super) fn library_type(&mut self, path: &'a ast::Path) -> Option<Declared> {
        let last = path.segments.last()?;
        let name = last.name.name.as_str();
        if let Some(scalar) = votes::bits_of_vote(path) {
            return Some(Declared::plain(self.builder.scalar_type(scalar)));
        }
        let ty = type_named(name);
        if ty.is_some_and(|ty| !is_in_version(ty, self.options.language_version)) {
            self.error(Code::E0609, path.span, "bfloat needs language version 3.1");
            return None;
        }
        if !self.is_library_path(path) {
            return self.no_such_type(path);
        }
        if let Some(args) = &last.args {
            return self.library_template(path, name, args);
        }
        if let Some(enumeration) = BuiltinEnum::from_name(name) {
            let ty = self.builder.scalar_type(enumeration.scalar());
            let enumeration = Some(Enumeration::Library(enumeration));
            let ty = QualType { enumeration, ..QualType::plain(ty) };
            return Some(Declared { ty, space: None, reference: None });
        }
        let Some(ty) = ty else { return self.no_such_type(path) };
        Some(Declared::plain(self.builder.types().intern(ty)))
    }

    fn no_such_type<T>(&mut self, path: &ast::Path) -> Option<T> {
        if self.is_qualifier_ambiguous(path) {
            return None;
        }
        let name = self.path_text(path);
        let last = path.segments.last().map_or("", |segment| segment.name.name.as_str());
        let diagnostic = if matches!(last, "double" | "long long" | "llong") || last.starts_with("double") {
            Diagnostic::new(Code::E0607, path.span, format!("MSL has no `{name}`"))
                .note("use float; there is no 64-bit floating-point type [MSL 2.1]")
        } else if UNSUPPORTED_TYPES.iter().any(|prefix| last.starts_with(prefix)) {
            Diagnostic::new(Code::E0603, path.span, format!("type `{name}` is not supported"))
        } else if path.segments.last().is_some_and(|s| s.args.is_some()) && self.metal_hint(path).is_none() {
            Diagnostic::new(Code::E0608, path.span, format!("type template `{name}` is not supported"))
        } else {
            let diagnostic = Diagnostic::new(Code::E0203, path.span, format!("there is no type `{name}`"));
            let closest = || self.closest_type(last).map(|hint| format!("did you mean `{hint}`?"));
            match self.logging_hint(last).or_else(|| self.metal_hint(path)).or_else(closest) {
                Some(hint) => diagnostic.at(hint),
                None => diagnostic,
            }
        };
        self.report(diagnostic);
        None
    }

    fn closest_type(&self, name: &str) -> Option<String> {
        if !self.wants_hints() {
            return None;
        }
        let mut candidates: Vec<String> = Scalar::ALL.iter().map(|s| s.msl_name().to_owned()).collect();
        for scalar in Scalar::ALL {
            candidates.extend((2..=4).map(|n| format!("{}{n}", scalar.msl_name())));
        }
        candidates.extend(self.scopes.visible_names().into_iter().map(str::to_owned));
        closest(name, candidates.iter().map(String::as_str)).map(str::to_owned)
    }

    /// `vec<T, N>`, `atomic<T>`, `array<T, N>`, `matrix<T, C, R>`.
    fn library_template(
        &mut self,
        path: &ast::Path,
        name: &str,
        args: &'a [TemplateArg],
    ) -> Option<Declared> {
        let ty = match (name, args) {
            ("vec" | "packed_vec", [elem, len]) => {
                let elem = self.scalar_argument(elem)?;
                let len = self.count_argument(len, 2..=4)?;
                Type::Vector { elem, len, packed: name == "packed_vec" }
            }
            ("matrix", [elem, cols, rows]) => {
                let elem = self.scalar_argument(elem)?;
                let (cols, rows) = (self.count_argument(cols, 2..=4)?, self.count_argument(rows, 2..=4)?);
                if !matches!(elem, Scalar::F16 | Scalar::F32) {
                    self.error(Code::E0209, path.span, "matrices are of half or float");
                    return None;
                }
                Type::Matrix { elem, cols, rows }
            }
            ("atomic", [elem]) => {
                let elem = self.scalar_argument(elem)?;
                let Some(elem) = atomic_scalar(elem) else {
                    let shown = elem.msl_name();
                    self.error(Code::E0209, path.span, format!("there is no `atomic<{shown}>`"));
                    return None;
                };
                Type::Atomic(elem)
            }
            ("array", [elem, len]) => return self.library_array(path, elem, len),
            _ if ["vec", "packed_vec", "matrix", "atomic", "array"].contains(&name) => {
                self.error(Code::E0209, path.span, format!("`{name}` takes other template arguments"));
                return None;
            }
            _ => return self.no_such_type(path),
        };
        Some(Declared::plain(self.builder.types().intern(ty)))
    }

    /// `array<T, N>`: a struct of one array, so that it copies by value.
    fn library_array(
        &mut self,
        path: &ast::Path,
        elem: &'a TemplateArg,
        len: &'a TemplateArg,
    ) -> Option<Declared> {
        let elem = self.type_argument(elem)?.unqualified();
        let elem = self.inner_type(elem);
        let len = match len {
            TemplateArg::Expr(expr) => self.array_len(expr)?,
            TemplateArg::Type(ty) => {
                self.error(Code::E0209, ty.span, "the length of an array is a number");
                return None;
            }
        };
        if let Some(&ty) = self.arrays.get(&(elem, len)) {
            return Some(Declared::plain(ty));
        }
        let elements = self.array_type(elem, len, path.span)?;
        let name = format!("array<{}, {len}>", self.display(elem));
        let id = self.builder.types().add_struct(name, vec![("__elements".into(), elements)], false)?;
        let ty = self.builder.types().intern(Type::Struct(id));
        self.arrays.insert((elem, len), ty);
        Some(Declared::plain(ty))
    }

    /// A template argument that is a type.
    pub(super) fn type_argument(&mut self, arg: &'a TemplateArg) -> Option<QualType> {
        let declared = self.declared_argument(arg)?;
        if declared.reference.is_some() {
            self.error(Code::E0209, template_arg_span(arg), "a reference cannot be used here");
            return None;
        }
        Some(declared.ty)
    }

    /// A template argument that is a type or a reference.
    pub(super) fn declared_argument(&mut self, arg: &'a TemplateArg) -> Option<Declared> {
        match arg {
            TemplateArg::Type(ty) => self.declared_type(ty),
            TemplateArg::Expr(expr) => match self.as_type_path(expr) {
                Some(path) => self.named_type(path),
                None => {
                    self.error(Code::E0209, expr.span, "a type is needed here");
                    None
                }
            },
        }
    }

    /// The path that an expression is, if it names a type.
    pub(super) fn as_type_path(&mut self, expr: &'a ast::Expr) -> Option<&'a ast::Path> {
        let ast::ExprKind::Path(path) = &expr.kind else { return None };
        match self.lookup_path(path) {
            Some(super::scope::Decl::Type(_)) => Some(path),
            Some(_) => None,
            None => self.is_library_type(path).then_some(path),
        }
    }

    fn scalar_argument(&mut self, arg: &'a TemplateArg) -> Option<Scalar> {
        let ty = self.type_argument(arg)?;
        let scalar = self.as_scalar(ty.ty).filter(|_| ty.enumeration.is_none());
        if scalar.is_none() {
            let (shown, span) = (self.display_qual(ty), template_arg_span(arg));
            self.error(Code::E0209, span, format!("a scalar type is needed here, not `{shown}`"));
        }
        scalar
    }

    fn count_argument(&mut self, arg: &'a TemplateArg, range: std::ops::RangeInclusive<i128>) -> Option<u8> {
        let span = template_arg_span(arg);
        let value = match arg {
            TemplateArg::Expr(expr) => self.constant_int(expr, "this template argument")?,
            TemplateArg::Type(_) => {
                self.error(Code::E0209, span, "a number is needed here");
                return None;
            }
        };
        if !range.contains(&value) {
            self.error(
                Code::E0209,
                span,
                format!("{value} is not between {} and {}", range.start(), range.end()),
            );
            return None;
        }
        Some(value as u8)
    }

    /// A name of the standard library used as a value; reports it if there is none.
    pub(super) fn library_value(&mut self, path: &'a ast::Path) -> Option<Operand> {
        if let Some((value, is_function)) = self.numeric_limit_of(path) {
            let value = value?;
            if is_function {
                let name = self.path_text(path);
                self.error(Code::E0604, path.span, format!("`{name}` is a function: call it"));
                return None;
            }
            return Some(self.constant_operand(value, path.span));
        }
        if let Some((args, _)) = same_type_query(path).filter(|(_, count)| self.is_of_library(path, *count)) {
            let same = self.are_same_types(path, args)?;
            return Some(self.constant_operand(ConstValue::bool(same), path.span));
        }
        let text = self.path_text(path);
        if let Some(constant) = self.library_constant(path) {
            let operand = self.constant_operand(constant.value, path.span);
            return Some(Operand { enumeration: constant.enumeration.map(Enumeration::Library), ..operand });
        }
        if self.is_library_type(path) {
            self.error(Code::E0206, path.span, format!("`{text}` is a type, not a value"));
            return None;
        }
        self.unknown_name(path)
    }

    /// The constant of the library that a path names: of a namespace, or of an enumeration in it.
    fn library_constant(&self, path: &ast::Path) -> Option<NamedConstant> {
        let count = path.segments.len();
        let name = |parts: usize| {
            let parts = path.segments.get(count.checked_sub(parts)?..)?;
            let names: Vec<&str> = parts.iter().map(|segment| segment.name.name.as_str()).collect();
            named_constant(&names.join("::"))
        };
        // What macros of the library stand for has no enumeration, and no namespace.
        let of_macro =
            name(1).filter(|constant| constant.enumeration.is_none() && count == 1 && !path.global);
        let of_namespace = || name(1).filter(|_| self.is_library_path(path));
        let of_enumeration = || name(2).filter(|_| self.is_of_library(path, count - 1));
        of_macro.or_else(of_namespace).or_else(of_enumeration)
    }

    fn are_same_types(&mut self, path: &ast::Path, args: &'a [TemplateArg]) -> Option<bool> {
        let [a, b] = args else {
            self.error(Code::E0209, path.span, "`is_same` takes two types");
            return None;
        };
        let (a, b) = (self.declared_argument(a)?, self.declared_argument(b)?);
        Some(a.ty == b.ty && a.reference == b.reference)
    }

    /// `numeric_limits<T>::member`: the value and whether it is a function. `Some((None, _))` if reported.
    pub(super) fn numeric_limit_of(&mut self, path: &'a ast::Path) -> Option<(Option<ConstValue>, bool)> {
        let [.., limits, member] = &path.segments[..] else { return None };
        if limits.name.name != "numeric_limits" || !self.is_of_library(path, path.segments.len() - 1) {
            return None;
        }
        let [arg] = limits.args.as_deref().unwrap_or(&[]) else {
            self.error(Code::E0209, path.span, "`numeric_limits` takes one type");
            return Some((None, true));
        };
        let Some(scalar) = self.scalar_argument(arg) else { return Some((None, true)) };
        let Some((value, is_function)) = numeric_limit(scalar, &member.name.name) else {
            let message = format!("`numeric_limits` has no member `{}`", member.name.name);
            self.error(Code::E0309, member.name.span, message);
            return Some((None, true));
        };
        Some((Some(value), is_function))
    }

    /// What to do about a name that was not found, if `metal` has it.
    fn metal_hint(&self, path: &ast::Path) -> Option<String> {
        let first = &path.segments.first()?.name.name;
        declared_in(METAL, first, self.options.language_version)?;
        Some(format!("did you mean `metal::{}`?", self.path_text(path)))
    }

    /// Reports a name that nobody declared.
    pub(super) fn unknown_name<T>(&mut self, path: &ast::Path) -> Option<T> {
        if self.is_qualifier_ambiguous(path) {
            return None;
        }
        let text = self.path_text(path);
        let last = path.segments.last()?;
        let message =
            if named_constant(&last.name.name).is_some_and(|constant| constant.enumeration.is_none()) {
                "this is a macro of the library: it belongs to no namespace".to_owned()
            } else {
                format!("`{text}` is not declared here")
            };
        let mut diagnostic = Diagnostic::new(Code::E0203, path.span, message);
        let names = if self.wants_hints() { self.scopes.visible_names() } else { Vec::new() };
        if let Some(hint) = self.logging_hint(&last.name.name).or_else(|| self.metal_hint(path)) {
            diagnostic = diagnostic.at(hint);
        } else if let Some(hint) = closest(&last.name.name, names) {
            diagnostic = diagnostic.at(format!("did you mean `{hint}`?"));
        }
        self.report(diagnostic);
        None
    }

    /// `a[i]` on `metal::array`; reports everything else.
    pub(super) fn library_subscript(&mut self, base: Operand, index: Rvalue, span: Span) -> Option<Operand> {
        let Some((elem, _)) = self.array_struct(base.ty) else {
            let shown = self.display(base.ty);
            self.error(Code::E0327, span, format!("`{shown}` takes no subscript"));
            return None;
        };
        let position = self.index_value(index)?;
        let is_const = base.is_const || !matches!(base.kind, OperandKind::Memory(_));
        let ptr = self.materialise(base)?;
        let elements = self.builder.field_addr(ptr, 0, span);
        let at = self.builder.element_addr(elements, position, span);
        let base = QualType { is_const, ..base.qual() };
        Some(Operand::memory(at, self.element_of(base, elem), span))
    }

    /// The array within a `metal::array`, with what the layout does not keep of its elements.
    pub(super) fn array_of_library(&self, id: StructId) -> Option<TypeId> {
        let types = self.builder.type_table();
        let (elem, len) = self.array_struct(types.find(Type::Struct(id))?)?;
        types.find(Type::Array { elem, len })
    }

    /// Element type and length of a `metal::array`.
    pub(super) fn array_struct(&self, ty: TypeId) -> Option<(TypeId, u32)> {
        self.arrays.iter().find(|(_, array)| **array == ty).map(|(key, _)| *key)
    }
}

/// The arguments of `is_same<A, B>::value` and `is_same_v<A, B>`, and how many parts of the path name the query.
fn same_type_query(path: &ast::Path) -> Option<(&[TemplateArg], usize)> {
    let count = path.segments.len();
    let (segment, count) = match &path.segments[..] {
        [.., query, value] if query.name.name == "is_same" && value.name.name == "value" => {
            (query, count - 1)
        }
        [.., query] if query.name.name == "is_same_v" => (query, count),
        _ => return None,
    };
    Some((segment.args.as_deref()?, count))
}

/// Where a template argument stands.
pub(super) fn template_arg_span(arg: &TemplateArg) -> Span {
    match arg {
        TemplateArg::Type(ty) => ty.span,
        TemplateArg::Expr(expr) => expr.span,
    }
}
