//! Types as declarations write them, and the things that have them.

use super::Checker;
use super::builtins::BuiltinEnum;
use super::const_eval::ConstValue;
use super::operand::{Operand, Want};
use super::scope::{Decl, NamespaceId, VarId};
use crate::ast::{self, Tag};
use crate::diag::{Code, Diagnostic};
use crate::ir::{
    AddressSpace, FunctionConstantId, GlobalId, LocalId, MAX_TYPE_DEPTH, MAX_TYPE_SIZE_BYTES, Scalar, Type,
    TypeId, Value,
};
use crate::source::Span;

/// An enumeration: of the program or of the library. The IR holds its values as integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Enumeration {
    /// Index into the checker's `enums`.
    User(u32),
    /// `mem_flags` and kin.
    Library(BuiltinEnum),
}

/// What the checker knows of an enumeration of the program.
#[derive(Debug)]
pub(super) struct EnumInfo {
    pub(super) name: String,
    pub(super) scoped: bool,
    /// The integer type whose values it may have, where braces ask.
    pub(super) range: Scalar,
    /// Whether only `enum E : T;` has been seen.
    pub(super) is_opaque: bool,
    /// The namespace around it, in which calls with its values look for functions.
    pub(super) namespace: NamespaceId,
    pub(super) variants: Vec<(String, ConstValue)>,
}

/// A type with what the IR does not keep: constness and volatility of the object, and the enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct QualType {
    /// Without a tag on it; what is within it may have some (see [`super::parts`]).
    pub(super) ty: TypeId,
    pub(super) is_const: bool,
    pub(super) is_volatile: bool,
    /// The enumeration that the type is; an array or pointer of one has it inside.
    pub(super) enumeration: Option<Enumeration>,
}

impl QualType {
    /// A type without qualifiers.
    pub(super) fn plain(ty: TypeId) -> Self {
        Self { ty, is_const: false, is_volatile: false, enumeration: None }
    }

    /// The same type of a value: constness of an object says nothing about copies of it.
    pub(super) fn unqualified(self) -> Self {
        Self { is_const: false, is_volatile: false, ..self }
    }

    /// Whether something of this type may be reached as another one, as far as `const` and `volatile` go: neither is
    /// lost.
    pub(super) fn keeps_qualifiers(self, to: QualType) -> bool {
        (to.is_const || !self.is_const) && (to.is_volatile || !self.is_volatile)
    }

    /// The qualifier that is lost on the way to another type, in words.
    pub(super) fn lost_qualifier(self, to: QualType) -> &'static str {
        match (self.is_const && !to.is_const, self.is_volatile && !to.is_volatile) {
            (true, true) => "const and volatile",
            (false, true) => "volatile",
            _ => "const",
        }
    }

    /// Whether the types differ in `const` and `volatile` at most.
    pub(super) fn is_similar(self, other: QualType) -> bool {
        self.unqualified() == other.unqualified()
    }

    /// As it is for a referent, without qualifiers for a value.
    pub(super) fn unqualified_unless(self, is_reference: bool) -> Self {
        if is_reference { self } else { self.unqualified() }
    }
}

/// What a type expression says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    pub(super) ty: QualType,
    /// Address space written for the object itself.
    pub(super) space: Option<(AddressSpace, Span)>,
    /// `T &`: the address space of the referent. `ty` is the referent's.
    pub(super) reference: Option<AddressSpace>,
}

impl Declared {
    pub(super) fn plain(ty: TypeId) -> Self {
        Self { ty: QualType::plain(ty), space: None, reference: None }
    }
}

/// Where a variable lives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Storage {
    /// A local of the function.
    Local(LocalId),
    /// The address is a value: references.
    Address(Value),
    /// A constant or threadgroup variable.
    Global(GlobalId),
    /// A function constant: no address.
    FunctionConstant(FunctionConstantId),
    /// A program-scope constant that depends on function constants: computed at each use. Index into
    /// the checker's `deferred`.
    Deferred(u32),
}

/// A declared variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variable {
    pub(super) ty: QualType,
    pub(super) storage: Storage,
    /// The value of a `const` scalar with a constant initialiser.
    pub(super) constant: Option<ConstValue>,
}

/// Limit of the number of elements of an array, so that sizes stay in 32 bits.
const MAX_ARRAY_LEN: i128 = MAX_TYPE_SIZE_BYTES as i128;

/// Most types within each other that a declaration may make: half of what the IR takes, so that there is room for
/// the addresses that expressions take of what is declared.
const MAX_DECLARED_DEPTH: u32 = MAX_TYPE_DEPTH / 2;

impl<'a> Checker<'a> {
    /// What a type expression means.
    pub(super) fn declared_type(&mut self, ty: &'a ast::TypeExpr) -> Option<Declared> {
        self.nested(ty.span, |c| c.declared_type_unbounded(ty))
    }

    fn declared_type_unbounded(&mut self, ty: &'a ast::TypeExpr) -> Option<Declared> {
        let mut declared = match &ty.kind {
            ast::TypeExprKind::Named(path) => self.named_type(path)?,
            ast::TypeExprKind::Auto => {
                let what = "`auto` cannot be used here";
                self.report(
                    Diagnostic::new(Code::E0325, ty.span, what)
                        .note("auto stands for the type of the initialiser of a local variable"),
                );
                return None;
            }
            ast::TypeExprKind::Decltype(expr) => self.decltype(expr)?,
            ast::TypeExprKind::Pointer(pointee) => self.declared_pointer(pointee)?,
            ast::TypeExprKind::Reference(referent) => self.declared_reference(referent)?,
            ast::TypeExprKind::Array(elem, len) => self.array_of(ty.span, elem, len.as_deref())?,
            ast::TypeExprKind::Function(..) => {
                self.error(Code::E0604, ty.span, "function types are not supported yet");
                return None;
            }
            ast::TypeExprKind::Inline(item) => self.inline_type(item)?,
            ast::TypeExprKind::Error => return None,
        };
        // A reference takes no qualifiers: what a name or decltype stands for stays as it is (C++ [dcl.ref]).
        if declared.reference.is_none() {
            declared.ty.is_const |= ty.quals.is_const;
            declared.ty.is_volatile |= ty.quals.is_volatile;
        }
        if let Some(space) = ty.quals.space {
            declared.space = Some(self.space(space)?);
        }
        Some(declared)
    }

    /// The type of an object or value; a reference is refused.
    pub(super) fn object_type(&mut self, ty: &'a ast::TypeExpr) -> Option<QualType> {
        let declared = self.declared_type(ty)?;
        if declared.reference.is_some() {
            self.error(Code::E0320, ty.span, "a reference cannot be used here");
            return None;
        }
        Some(declared.ty)
    }

    /// An address space as written.
    pub(super) fn space(&mut self, (space, span): (ast::SpaceKeyword, Span)) -> Option<(AddressSpace, Span)> {
        let space = match space {
            ast::SpaceKeyword::Device => AddressSpace::Device,
            ast::SpaceKeyword::Constant => AddressSpace::Constant,
            ast::SpaceKeyword::Threadgroup => AddressSpace::Threadgroup,
            ast::SpaceKeyword::Thread => AddressSpace::Thread,
            ast::SpaceKeyword::Unsupported => {
                self.error(
                    Code::E0608,
                    span,
                    "this address space is not supported: it belongs to graphics functions",
                );
                return None;
            }
        };
        Some((space, span))
    }

    fn declared_pointer(&mut self, pointee: &'a ast::TypeExpr) -> Option<Declared> {
        let inner = self.declared_type(pointee)?;
        if inner.reference.is_some() {
            self.error(Code::E0320, pointee.span, "there are no pointers to references");
            return None;
        }
        let Some((space, _)) = inner.space else {
            self.missing_space(pointee, inner.ty.ty, "pointer", "*");
            return None;
        };
        let ty = self.pointer_to(space, inner.ty);
        Some(Declared::plain(self.bounded(ty, pointee.span)?))
    }

    fn declared_reference(&mut self, referent: &'a ast::TypeExpr) -> Option<Declared> {
        let inner = self.declared_type(referent)?;
        if matches!(referent.kind, ast::TypeExprKind::Reference(_)) {
            self.error(Code::E0320, referent.span, "there are no references to references");
            return None;
        }
        // What a name stands for may be a reference: the two collapse into one (C++ [dcl.ref]).
        if inner.reference.is_some() {
            return Some(inner);
        }
        if self.ty(inner.ty.ty) == Type::Void {
            self.error(Code::E0320, referent.span, "there are no references to void");
            return None;
        }
        let Some((space, _)) = inner.space else {
            self.missing_space(referent, inner.ty.ty, "reference", "&");
            return None;
        };
        let is_const = inner.ty.is_const || space == AddressSpace::Constant;
        Some(Declared { ty: QualType { is_const, ..inner.ty }, space: None, reference: Some(space) })
    }

    fn missing_space(&mut self, target: &ast::TypeExpr, ty: TypeId, what: &str, sigil: &str) {
        let shown = self.display(ty);
        self.report(
            Diagnostic::new(Code::E0402, target.span, format!("{what} to `{shown}` names no address space"))
                .at(format!("write `device {shown} {sigil}`, or constant, threadgroup or thread"))
                .note("every pointer and reference names the address space it points into [MSL 4]"),
        );
    }

    fn array_of(
        &mut self,
        span: Span,
        elem: &'a ast::TypeExpr,
        len: Option<&'a ast::Expr>,
    ) -> Option<Declared> {
        let inner = self.declared_type(elem)?;
        if inner.reference.is_some() {
            self.error(Code::E0320, elem.span, "there are no arrays of references");
            return None;
        }
        let Some(len) = len else {
            self.error(Code::E0320, span, "an array needs a size here");
            return None;
        };
        let len = self.array_len(len)?;
        let (elem, like) = self.array_like(inner.ty);
        let ty = self.array_type(elem, len, span)?;
        Some(Declared { ty: QualType { ty, ..like }, ..inner })
    }

    /// A constant expression that is the length of an array.
    pub(super) fn array_len(&mut self, expr: &'a ast::Expr) -> Option<u32> {
        let value = self.constant_int(expr, "the size of an array")?;
        if !(1..=MAX_ARRAY_LEN).contains(&value) {
            self.report(
                Diagnostic::new(Code::E0315, expr.span, format!("an array cannot have {value} elements"))
                    .note("arrays have at least one element and at most 1 GiB"),
            );
            return None;
        }
        Some(value as u32)
    }

    /// An array type, if its size is within bounds.
    pub(super) fn array_type(&mut self, elem: TypeId, len: u32, span: Span) -> Option<TypeId> {
        if self.builder.types().get(elem) == Type::Void {
            self.error(Code::E0320, span, "there are no arrays of void");
            return None;
        }
        let size = u64::from(self.size_bytes(elem)) * u64::from(len);
        if size > MAX_TYPE_SIZE_BYTES {
            self.error(Code::E0315, span, format!("this type takes {size} bytes, more than 1 GiB"));
            return None;
        }
        let ty = self.builder.types().intern(Type::Array { elem, len });
        self.bounded(ty, span)
    }

    /// A type that a declaration makes, if it is not too deep.
    pub(super) fn bounded(&mut self, ty: TypeId, span: Span) -> Option<TypeId> {
        if self.builder.types().depth(ty) > MAX_DECLARED_DEPTH {
            let message =
                format!("this type is made of more than {MAX_DECLARED_DEPTH} types within each other");
            self.error(Code::E0315, span, message);
            return None;
        }
        Some(ty)
    }

    /// `decltype(e)`: the declared type of what a name or a member access names; of other expressions the type, as a
    /// reference where they are places (C++ \[dcl.type.simple\]).
    fn decltype(&mut self, expr: &'a ast::Expr) -> Option<Declared> {
        let declared = self.unevaluated(|c| match &expr.kind {
            ast::ExprKind::Path(path) => match c.lookup_path(path) {
                Some(Decl::Variable(id)) => Some(c.declared_variable(id)),
                _ => c.expr_type(expr),
            },
            ast::ExprKind::Member(base, segment, arrow) => {
                let base = c.member_base(base, *arrow, Want::Place)?;
                match c.declared_member(&base, segment)? {
                    Some(ty) => Some(Declared { ty, space: None, reference: None }),
                    None => {
                        let operand = c.member_of(base, segment, expr.span)?;
                        Some(c.operand_type(&operand))
                    }
                }
            }
            _ => c.expr_type(expr),
        })?;
        self.bounded(declared.ty.ty, expr.span)?;
        Some(declared)
    }

    /// The type with which a variable was declared.
    fn declared_variable(&mut self, id: VarId) -> Declared {
        let variable = self.named_variable(id);
        let reference = match variable.storage {
            Storage::Address(value) => self.pointee(self.builder.type_of(value)).map(|to| to.space),
            _ => None,
        };
        Declared { ty: variable.ty, space: None, reference }
    }

    fn expr_type(&mut self, expr: &'a ast::Expr) -> Option<Declared> {
        let operand = self.place(expr)?;
        Some(self.operand_type(&operand))
    }

    /// The type of an expression: a reference for places. What names a component twice is none.
    fn operand_type(&self, operand: &Operand) -> Declared {
        let reference = self.place_space(operand).filter(|_| !operand.repeats_components());
        let ty = if reference.is_some() { operand.qual() } else { operand.qual().unqualified() };
        Declared { ty, space: None, reference }
    }

    /// A type named by a path.
    pub(super) fn named_type(&mut self, path: &'a ast::Path) -> Option<Declared> {
        if let Some(found) = self.lookup_path(path) {
            if let Some(tag) = path.tag {
                self.check_tag(path, tag, found)?;
            }
            return match found {
                Decl::Type(declared) | Decl::Alias(declared) => self.plain_use(path, declared),
                Decl::Poison => None,
                Decl::LoggerType => self.misplaced_logger_type(path.span),
                Decl::FunctionType(span) => {
                    self.report(
                        Diagnostic::new(Code::E0604, path.span, "function types are not supported yet")
                            .label(span, "declared here"),
                    );
                    None
                }
                Decl::Incomplete(span, _) => {
                    let name = self.path_text(path);
                    self.report(
                        Diagnostic::new(Code::E0329, path.span, format!("`{name}` is not complete here"))
                            .label(span, "its definition has not ended"),
                    );
                    None
                }
                Decl::ClassTemplate(span) => {
                    let name = self.path_text(path);
                    self.report(
                        Diagnostic::new(
                            Code::E0602,
                            path.span,
                            format!("class template `{name}` is not supported yet"),
                        )
                        .label(span, "declared here"),
                    );
                    None
                }
                _ => {
                    let name = self.path_text(path);
                    self.error(Code::E0205, path.span, format!("`{name}` is not a type"));
                    None
                }
            };
        }
        if let Some(tag) = path.tag.filter(|_| self.is_library_type(path)) {
            return self.tag_of_alias(path, tag);
        }
        self.library_type(path)
    }

    /// Whether `struct`, `union` or `enum` stands before a name that was declared so (C++ \[dcl.type.elab\]).
    fn check_tag(&mut self, path: &ast::Path, tag: Tag, found: Decl) -> Option<()> {
        let declared = match found {
            Decl::Type(declared) => self.tag_of(declared)?,
            Decl::Incomplete(_, declared) => declared,
            Decl::Alias(_) => return self.tag_of_alias(path, tag),
            _ => return Some(()),
        };
        if declared == tag {
            return Some(());
        }
        let (name, is, word) = (self.path_text(path), declared.word(), tag.word());
        self.report(
            Diagnostic::new(Code::E0213, path.span, format!("`{name}` is no {word}"))
                .at(format!("write `{is} {name}`, or `{name}` alone")),
        );
        None
    }

    fn tag_of_alias<T>(&mut self, path: &ast::Path, tag: Tag) -> Option<T> {
        let (name, word) = (self.path_text(path), tag.word());
        self.report(
            Diagnostic::new(Code::E0213, path.span, format!("`{name}` is another name of a type, no {word}"))
                .at(format!("write `{name}` alone"))
                .note("`struct`, `union` and `enum` stand before the names that types were defined with, not before a typedef's"),
        );
        None
    }

    /// What a type of the program was defined as.
    pub(super) fn tag_of(&self, declared: Declared) -> Option<Tag> {
        match (declared.ty.enumeration, self.ty(declared.ty.ty)) {
            (Some(_), _) => Some(Tag::Enum),
            (None, Type::Struct(id)) if self.builder.type_table().get_struct(id).is_union => Some(Tag::Union),
            (None, Type::Struct(_)) => Some(Tag::Struct),
            _ => None,
        }
    }

    /// A type that takes no template arguments.
    fn plain_use(&mut self, path: &ast::Path, declared: Declared) -> Option<Declared> {
        if let Some(segment) = path.segments.iter().find(|s| s.args.is_some()) {
            let name = &segment.name.name;
            self.error(Code::E0209, path.span, format!("`{name}` is not a template"));
            return None;
        }
        Some(declared)
    }

    /// A qualified type as messages print it, but for `const`.
    pub(super) fn display_qual(&self, ty: QualType) -> String {
        let text = match ty.enumeration {
            Some(enumeration) => self.enumeration_name(enumeration),
            None => self.display(ty.ty),
        };
        if ty.is_volatile { format!("volatile {text}") } else { text }
    }

    pub(super) fn enumeration_name(&self, enumeration: Enumeration) -> String {
        match enumeration {
            Enumeration::User(index) => self.enums[index as usize].name.clone(),
            Enumeration::Library(library) => library.msl_name().into(),
        }
    }

    /// Whether values of the enumeration convert to nothing implicitly.
    pub(super) fn is_scoped(&self, enumeration: Enumeration) -> bool {
        match enumeration {
            Enumeration::User(index) => self.enums[index as usize].scoped,
            Enumeration::Library(library) => library.is_scoped(),
        }
    }

    pub(super) fn size_bytes(&self, ty: TypeId) -> u32 {
        self.builder.type_table().size_bytes(ty)
    }

    /// The IR's view of a type.
    pub(super) fn ty(&self, id: TypeId) -> Type {
        self.builder.type_table().get(id)
    }

    /// The scalar that a type is, if it is one.
    pub(super) fn as_scalar(&self, id: TypeId) -> Option<Scalar> {
        match self.ty(id) {
            Type::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Component and number of components of a scalar or vector.
    pub(super) fn shape(&self, id: TypeId) -> Option<(Scalar, u8)> {
        match self.ty(id) {
            Type::Scalar(scalar) => Some((scalar, 1)),
            Type::Vector { elem, len, .. } => Some((elem, len)),
            _ => None,
        }
    }
}
