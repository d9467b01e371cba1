//! Variables of functions.

use super::Checker;
use super::constexpr::LocalInit;
use super::convert::Wanted;
use super::list::Missing;
use super::operand::{Operand, OperandKind, Rvalue};
use super::scope::Decl;
use super::types::{Declared, QualType, Storage, Variable};
use crate::ast::{self, ExprKind, Init, TypeExprKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{AddressSpace, GlobalKind, Type};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// The variables of one declaration. `auto` stands for one type in all of them.
    pub(super) fn local_variables(&mut self, variables: &'a [ast::VarDecl]) {
        let mut first: Option<(&ast::Ident, QualType)> = None;
        for variable in variables {
            self.local_variable(variable);
            let Some(ty) = self.deduced_auto(variable) else { continue };
            match first {
                Some((name, other)) if other != ty => self.auto_disagrees(&variable.name, ty, name, other),
                _ => first = first.or(Some((&variable.name, ty))),
            }
        }
    }

    /// What `auto` stands for in the declaration of a variable.
    fn deduced_auto(&self, decl: &ast::VarDecl) -> Option<QualType> {
        let shape = auto_shape(&decl.ty)?;
        let Decl::Variable(id) = self.scopes.innermost(&decl.name.name)?.decl else { return None };
        let ty = self.variables[id.0 as usize].ty.unqualified();
        match self.ty(ty.ty) {
            Type::Pointer { pointee, .. } if shape.is_pointer => Some(QualType::plain(pointee)),
            _ => Some(ty),
        }
    }

    fn auto_disagrees(&mut self, name: &ast::Ident, ty: QualType, first: &ast::Ident, other: QualType) {
        let (shown, other) = (self.display_qual(ty), self.display_qual(other));
        self.report(
            Diagnostic::new(Code::E0325, name.span, format!("`auto` would be `{shown}` for `{}`", name.name))
                .label(first.span, format!("but it is `{other}` here"))
                .note("`auto` stands for one type in a declaration: write two declarations"),
        );
    }

    /// A variable declared in a block. Where it is wrong its name is poisoned.
    pub(super) fn local_variable(&mut self, decl: &'a ast::VarDecl) -> Option<()> {
        let result = self.local_variable_checked(decl);
        if result.is_none() {
            self.poison(&decl.name);
        }
        result
    }

    fn local_variable_checked(&mut self, decl: &'a ast::VarDecl) -> Option<()> {
        if let Some(attr) = decl.attrs.first() {
            self.check_ignorable_attribute(attr);
        }
        if let Some(is_reference) = auto_shape(&decl.ty) {
            return self.auto_variable(decl, is_reference);
        }
        let declared = match self.variable_type(decl) {
            Some(declared) => declared,
            None => {
                self.check_init_alone(decl);
                return None;
            }
        };
        if self.ty(declared.ty.ty) == Type::Void {
            self.error(Code::E0320, decl.name.span, format!("`{}` cannot be void", decl.name.name));
            return None;
        }
        if let Some(space) = declared.reference {
            return self.reference_variable(decl, declared.ty, space);
        }
        match declared.space {
            Some((AddressSpace::Threadgroup, span)) => self.threadgroup_variable(decl, declared, span),
            Some((space @ (AddressSpace::Device | AddressSpace::Constant), span)) => {
                let shown = self.display(declared.ty.ty);
                self.wrong_local_space(decl, &shown, space, span)
            }
            _ => self.plain_variable(decl, declared.ty),
        }
    }

    /// The type of a variable; `T a[] = {…}` takes its length from the list.
    pub(super) fn variable_type(&mut self, decl: &'a ast::VarDecl) -> Option<Declared> {
        let TypeExprKind::Array(elem, None) = &decl.ty.kind else { return self.declared_type(&decl.ty) };
        let parts = match &decl.init {
            Some(Init::Copy(ast::Expr { kind: ExprKind::InitList(parts), .. }))
            | Some(Init::Brace(parts, _)) => parts,
            _ => {
                self.error(Code::E0320, decl.ty.span, "an array needs a size or a list of values");
                return None;
            }
        };
        let inner = self.declared_type(elem)?;
        let len = self.listed_len(inner.ty, parts, decl.span).filter(|&len| len > 0);
        let Some(len) = len else {
            self.error(Code::E0315, decl.span, "an array has at least one element");
            return None;
        };
        let (elem, like) = self.array_like(inner.ty);
        let ty = self.array_type(elem, len, decl.ty.span)?;
        let is_const = like.is_const || decl.ty.quals.is_const;
        Some(Declared { ty: QualType { ty, is_const, ..like }, ..inner })
    }

    /// Checks an initialiser whose variable has no type.
    fn check_init_alone(&mut self, decl: &'a ast::VarDecl) {
        if let Some(Init::Copy(expr)) = &decl.init
            && !matches!(expr.kind, ExprKind::InitList(_))
        {
            self.unevaluated(|c| c.expr(expr));
        }
    }

    fn plain_variable(&mut self, decl: &'a ast::VarDecl, ty: QualType) -> Option<()> {
        let ty = QualType { is_const: ty.is_const || decl.is_constexpr, ..ty };
        if decl.is_static && !ty.is_const {
            self.report(
                Diagnostic::new(Code::E0608, decl.span, "static variables of functions are not supported")
                    .note("threads share no such memory; use a buffer"),
            );
            return None;
        }
        let mark = self.builder.mark();
        let value = match &decl.init {
            Some(init) => {
                let shown = self.display_qual(ty);
                let wanted = Wanted { span: decl.name.span, message: format!("declared here as `{shown}`") };
                let value = self.init_value(init, ty, Some(&wanted))?;
                Some(self.packed_like(value, ty.ty, decl.span))
            }
            None if ty.is_const && !self.is_initialised_by_itself(ty.ty) => {
                self.error(
                    Code::E0316,
                    decl.name.span,
                    format!("const variable `{}` has no initialiser", decl.name.name),
                );
                return None;
            }
            None => {
                self.check_default_constructible(ty, decl.name.span)?;
                match self.has_default_members(ty.ty) {
                    true => Some(self.missing_value(ty, Missing::Default, decl.name.span)?),
                    false => None,
                }
            }
        };
        let init = match value {
            Some(value) => Some(self.local_init(decl, ty, mark, value)?),
            None => None,
        };
        self.declare_local(decl, ty, init);
        Some(())
    }

    /// A variable in thread memory, which gets its value if there is one.
    fn declare_local(&mut self, decl: &'a ast::VarDecl, ty: QualType, init: Option<LocalInit>) {
        let local = self.builder.new_local(decl.name.name.clone(), ty.ty, decl.name.span);
        let constant = init.as_ref().and_then(|init| init.constant);
        if let Some(init) = &init {
            let ptr = self.builder.local_addr(local, decl.name.span);
            self.builder.store(ptr, init.value, decl.span);
        }
        self.note_local(decl, local, ty.ty, init);
        self.declare_variable(&decl.name, Variable { ty, storage: Storage::Local(local), constant });
    }

    /// `auto x = …`, `auto *p = …`, `auto &r = …`.
    fn auto_variable(&mut self, decl: &'a ast::VarDecl, shape: AutoShape) -> Option<()> {
        let expr = match &decl.init {
            Some(Init::Copy(expr)) => expr,
            Some(Init::Paren(args, _) | Init::Brace(args, _)) if args.len() == 1 => &args[0],
            _ => {
                self.error(
                    Code::E0325,
                    decl.name.span,
                    format!("`auto {}` needs an initialiser", decl.name.name),
                );
                return None;
            }
        };
        if matches!(expr.kind, ExprKind::InitList(_)) {
            self.error(Code::E0325, expr.span, "auto cannot be deduced from a braced list");
            return None;
        }
        let mark = self.builder.mark();
        let operand = if shape.is_reference { self.place(expr)? } else { self.expr(expr)? };
        if shape.is_reference {
            return self.bind_auto(decl, operand, &shape);
        }
        self.check_auto_space(decl)?;
        let read = self.read(operand)?;
        let is_pointer = matches!(self.ty(read.ty), Type::Pointer { .. });
        if read.is_null() || self.ty(read.ty) == Type::Void || (shape.is_pointer && !is_pointer) {
            let shown = if read.is_null() { "nullptr".into() } else { self.display(read.ty) };
            self.error(Code::E0325, expr.span, format!("auto cannot be deduced from `{shown}`"));
            return None;
        }
        self.bounded(read.ty, expr.span)?;
        let read = if shape.is_pointer { self.auto_pointer(read, &shape)? } else { read };
        let is_const = decl.is_constexpr || decl.ty.quals.is_const && !shape.is_pointer;
        let is_volatile = decl.ty.quals.is_volatile && !shape.is_pointer;
        let ty = QualType { is_const, is_volatile, ..self.rvalue_qual(&read) };
        let init = self.local_init(decl, ty, mark, read.value)?;
        self.declare_local(decl, ty, Some(init));
        Some(())
    }

    /// What a pointer becomes in `space const auto *p = …`.
    fn auto_pointer(&mut self, read: Rvalue, shape: &AutoShape) -> Option<Rvalue> {
        let Type::Pointer { space, pointee, is_const } = self.ty(read.ty) else { return Some(read) };
        if let Some(written) = shape.space {
            let (wanted, _) = self.space(written)?;
            if wanted != space {
                let (from, to) = (self.display(read.ty), format!("{} auto *", wanted.msl_name()));
                let diagnostic = self.wrong_space(read.span, &from, &to, space.msl_name(), wanted.msl_name());
                self.report(diagnostic);
                return None;
            }
        }
        let ty = self.builder.pointer_type(space, pointee, is_const || shape.is_const);
        let value = self.as_pointer_type(read.value, ty, read.span);
        Some(Rvalue { value, ty, ..read })
    }

    /// Checks the address space of the variable itself: `threadgroup auto x = …`.
    fn check_auto_space(&mut self, decl: &'a ast::VarDecl) -> Option<()> {
        let Some(space) = decl.ty.quals.space else { return Some(()) };
        let (space, span) = self.space(space)?;
        match space {
            AddressSpace::Thread => Some(()),
            AddressSpace::Threadgroup => {
                self.check_threadgroup_place(decl, span)?;
                self.threadgroup_initialiser(decl)
            }
            AddressSpace::Device | AddressSpace::Constant => self.wrong_local_space(decl, "T", space, span),
        }
    }

    fn bind_auto(&mut self, decl: &'a ast::VarDecl, operand: Operand, shape: &AutoShape) -> Option<()> {
        let space = self.place_space(&operand).unwrap_or(AddressSpace::Thread);
        if let Some(written) = shape.space {
            let (wanted, _) = self.space(written)?;
            if wanted != space {
                let (from, to) =
                    (format!("{} object", space.msl_name()), format!("{} auto &", wanted.msl_name()));
                let diagnostic =
                    self.wrong_space(operand.span, &from, &to, space.msl_name(), wanted.msl_name());
                self.report(diagnostic);
                return None;
            }
        }
        let ty = operand.qual();
        let ty = QualType { is_const: ty.is_const || shape.is_const, ..ty };
        self.bind(decl, ty, space, operand)
    }

    fn reference_variable(
        &mut self,
        decl: &'a ast::VarDecl,
        ty: QualType,
        space: AddressSpace,
    ) -> Option<()> {
        let expr = match &decl.init {
            Some(Init::Copy(expr)) => expr,
            Some(Init::Paren(args, _) | Init::Brace(args, _)) if args.len() == 1 => &args[0],
            _ => {
                self.error(
                    Code::E0326,
                    decl.name.span,
                    format!("reference `{}` is not bound to anything", decl.name.name),
                );
                return None;
            }
        };
        let operand = self.place(expr)?;
        self.bind(decl, ty, space, operand)
    }

    fn bind(
        &mut self,
        decl: &'a ast::VarDecl,
        ty: QualType,
        space: AddressSpace,
        operand: Operand,
    ) -> Option<()> {
        let wanted = Wanted {
            span: decl.name.span,
            message: format!("declared here as `{} {} &`", space.msl_name(), self.display_qual(ty)),
        };
        let ptr = self.bind_reference(operand, ty, space, Some(&wanted))?;
        let variable = Variable { ty, storage: Storage::Address(ptr), constant: None };
        self.declare_variable(&decl.name, variable);
        Some(())
    }

    /// The pointer that a reference becomes: to the operand, or for `thread const T &` to a copy of it.
    pub(super) fn bind_reference(
        &mut self,
        operand: Operand,
        ty: QualType,
        space: AddressSpace,
        wanted: Option<&Wanted>,
    ) -> Option<crate::ir::Value> {
        let same = operand.qual().is_similar(ty);
        let place = self.place_space(&operand);
        let in_memory = matches!(operand.kind, OperandKind::Memory(_));
        if in_memory && same && place == Some(space) && operand.qual().keeps_qualifiers(ty) {
            let ptr = self.address_of(&operand)?;
            let pointer = self.pointer_to(space, ty);
            return Some(self.as_pointer_type(ptr, pointer, operand.span));
        }
        // Nothing of the type itself is copied, which would hide that it is not bound.
        if ty.is_const && !ty.is_volatile && space == AddressSpace::Thread && !(in_memory && same) {
            let span = operand.span;
            let target = QualType { ty: self.unpacked_type(ty.ty), ..ty };
            let value = self.convert(operand, target, wanted)?;
            let value = self.packed_like(value, ty.ty, span);
            let ptr = self.builder.new_local_addr("%temporary", ty.ty, span);
            self.builder.store(ptr, value, span);
            let pointer = self.builder.pointer_type(space, ty.ty, true);
            return Some(self.as_pointer_type(ptr, pointer, span));
        }
        self.cannot_bind(operand, ty, space, wanted)
    }

    fn cannot_bind<T>(
        &mut self,
        operand: Operand,
        ty: QualType,
        space: AddressSpace,
        wanted: Option<&Wanted>,
    ) -> Option<T> {
        let span = operand.span;
        let const_text = if ty.is_const && space != AddressSpace::Constant { "const " } else { "" };
        let to = format!("{} {const_text}{} &", space.msl_name(), self.display_qual(ty));
        let diagnostic = match operand.kind {
            OperandKind::Memory(_) => {
                let from_space = self.place_space(&operand).unwrap_or(AddressSpace::Thread);
                let shown = self.display_qual(operand.qual());
                let from = format!("{} {shown}", from_space.msl_name());
                if from_space != space {
                    self.wrong_space(span, &from, &to, from_space.msl_name(), space.msl_name())
                } else if !operand.qual().is_similar(ty) {
                    Diagnostic::new(Code::E0326, span, format!("`{to}` cannot be bound to a `{shown}`"))
                } else {
                    let lost = operand.qual().lost_qualifier(ty);
                    Diagnostic::new(Code::E0303, span, format!("`{to}` cannot be bound to something {lost}"))
                }
            }
            OperandKind::Swizzle(..) | OperandKind::Component(..) => Diagnostic::new(
                Code::E0326,
                span,
                format!("`{to}` cannot be bound to a component of a vector"),
            )
            .note("neither pointers nor references to vector components exist [MSL 2.2]"),
            OperandKind::Value(_) | OperandKind::Zero(_) | OperandKind::Null => {
                Diagnostic::new(Code::E0326, span, format!("`{to}` cannot be bound to a value"))
                    .note("only `thread const T &` takes values")
            }
        };
        let diagnostic = match wanted {
            Some(wanted) => diagnostic.label(wanted.span, wanted.message.clone()),
            None => diagnostic,
        };
        self.report(diagnostic);
        None
    }

    fn threadgroup_variable(
        &mut self,
        decl: &'a ast::VarDecl,
        declared: Declared,
        space: Span,
    ) -> Option<()> {
        self.check_threadgroup_place(decl, space)?;
        if decl.init.is_some() {
            return self.threadgroup_initialiser(decl);
        }
        if declared.ty.is_const && !self.is_initialised_by_itself(declared.ty.ty) {
            let message = format!("const threadgroup variable `{}` never gets a value", decl.name.name);
            self.report(
                Diagnostic::new(Code::E0316, decl.name.span, message)
                    .note("threadgroup variables have no initialiser: leave const out [MSL 4.4]"),
            );
            return None;
        }
        self.check_default_constructible(declared.ty, decl.name.span)?;
        let storage = self.add_global(decl, declared.ty.ty, GlobalKind::Threadgroup);
        self.declare_variable(&decl.name, Variable { ty: declared.ty, storage, constant: None });
        Some(())
    }

    /// Checks that a threadgroup variable stands in a kernel.
    fn check_threadgroup_place(&mut self, decl: &'a ast::VarDecl, space: Span) -> Option<()> {
        let name = &decl.name.name;
        if !self.context.is_kernel {
            self.report(
                Diagnostic::new(
                    Code::E0404,
                    space,
                    format!("threadgroup variable `{name}` stands outside of a kernel"),
                )
                .note("declare it in the kernel and pass a threadgroup pointer [MSL 4.4]"),
            );
            return None;
        }
        Some(())
    }

    fn threadgroup_initialiser<T>(&mut self, decl: &'a ast::VarDecl) -> Option<T> {
        self.report(
            Diagnostic::new(
                Code::E0405,
                decl.span,
                format!("threadgroup variable `{}` has an initialiser", decl.name.name),
            )
            .note("let one thread assign it, then place a threadgroup_barrier [MSL 4.4]"),
        );
        None
    }

    fn wrong_local_space<T>(
        &mut self,
        decl: &ast::VarDecl,
        shown: &str,
        space: AddressSpace,
        span: Span,
    ) -> Option<T> {
        let name = space.msl_name();
        let mut diagnostic = Diagnostic::new(
            Code::E0406,
            span,
            format!("local variable `{}` cannot lie in {name} memory", decl.name.name),
        );
        diagnostic = match space {
            AddressSpace::Constant => {
                diagnostic.note("move it outside of the function, or write `const` [MSL 4.2]")
            }
            _ => diagnostic
                .note(format!("device memory is reached through pointers: `{name} {shown} *` [MSL 4.1]")),
        };
        self.report(diagnostic);
        None
    }
}

/// What is written around `auto`.
struct AutoShape {
    is_pointer: bool,
    is_reference: bool,
    is_const: bool,
    space: Option<(ast::SpaceKeyword, Span)>,
}

/// The shape of a declared type that is `auto`, `auto *` or `auto &`.
fn auto_shape(ty: &ast::TypeExpr) -> Option<AutoShape> {
    let shape = |inner: &ast::TypeExpr, is_pointer, is_reference| {
        matches!(inner.kind, TypeExprKind::Auto).then_some(AutoShape {
            is_pointer,
            is_reference,
            is_const: inner.quals.is_const,
            space: inner.quals.space,
        })
    };
    match &ty.kind {
        TypeExprKind::Pointer(inner) => shape(inner, true, false),
        TypeExprKind::Reference(inner) => shape(inner, false, true),
        _ => shape(ty, false, false),
    }
}
