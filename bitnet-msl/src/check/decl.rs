//! Declarations at namespace scope.

use super::Checker;
use super::constants::{ConstantInit, Deferred, is_integral};
use super::scope::{Decl, VarId};
use super::template::Template;
use super::types::{Declared, QualType, Storage, Variable};
use crate::ast::{self, ItemKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{AddressSpace, FunctionConstant, FunctionConstantId, Global, GlobalId, GlobalKind, Type};
use crate::source::Span;

/// Largest index of a function constant.
const MAX_FUNCTION_CONSTANT: i128 = 65_535;

impl<'a> Checker<'a> {
    /// Checks declarations in order.
    pub(super) fn items(&mut self, items: &'a [ast::Item]) {
        for item in items {
            if self.diagnostics.is_full() {
                return;
            }
            self.nested(item.span, |c| {
                c.item(item);
                Some(())
            });
        }
    }

    /// Checks one declaration, of a namespace or of a block.
    pub(super) fn item(&mut self, item: &'a ast::Item) {
        match &item.kind {
            ItemKind::Function(decl) => {
                self.function_item(decl);
                self.drain_queue();
            }
            ItemKind::Struct(decl) => {
                self.struct_decl(decl, item.span);
            }
            ItemKind::Enum(decl) => {
                self.enum_decl(decl);
            }
            ItemKind::Alias(decl) => self.alias(decl),
            ItemKind::Variables(variables) => {
                for variable in variables {
                    self.global_variable(variable);
                }
            }
            ItemKind::Template(decl) => self.template_item(decl),
            ItemKind::Instantiation(decl) => {
                self.instantiation(decl);
                self.drain_queue();
            }
            ItemKind::UsingNamespace(path) => self.using_namespace(path),
            ItemKind::UsingDeclaration(path) => self.using_declaration(path),
            ItemKind::Namespace(decl) => self.namespace(decl, item.span),
            ItemKind::StaticAssert(condition, message) => self.static_assert(condition, message.as_deref()),
            ItemKind::LoggingHeader => self.include_logging(item.span),
            ItemKind::Empty => {}
            ItemKind::Error(names) => self.poison_all(names),
        }
    }

    fn namespace(&mut self, decl: &'a ast::NamespaceDecl, span: Span) {
        let span = decl.name.as_ref().map_or(span, |name| name.span);
        if decl.is_inline && !self.scopes.takes_directive() {
            self.too_many_directives(span);
            return;
        }
        let name = decl.name.as_ref().map(|name| name.name.as_str());
        let outer = self.scopes.open_namespace(name, decl.is_inline, span);
        self.items(&decl.items);
        self.scopes.close_namespace(outer);
    }

    fn alias(&mut self, decl: &'a ast::AliasDecl) {
        // `typedef decltype(f<T>) f_t;` names the type of a function, to instantiate it by.
        let is_function = match &decl.ty.kind {
            ast::TypeExprKind::Decltype(expr) => self.is_function_name(expr),
            ast::TypeExprKind::Function(..) => true,
            _ => false,
        };
        if is_function {
            self.scopes.declare(&decl.name.name, Decl::FunctionType(decl.name.span), decl.name.span);
            return;
        }
        if self.is_logger_type(&decl.ty) {
            self.declare(&decl.name, Decl::LoggerType);
            return;
        }
        let Some(declared) = self.declared_type(&decl.ty) else {
            self.poison(&decl.name);
            return;
        };
        // Repeating an alias with the same meaning is fine.
        let earlier = self.scopes.innermost(&decl.name.name).and_then(|earlier| earlier.decl.as_type());
        let is_same =
            earlier.is_some_and(|same| same.ty == declared.ty && same.reference == declared.reference);
        if is_same || self.is_global_library_type_as(&decl.name.name, declared) {
            return;
        }
        if earlier.is_none() && self.is_global_library_type(&decl.name.name) {
            // The name keeps the library's meaning.
            self.declared_by_library(&decl.name);
            return;
        }
        self.declare(&decl.name, Decl::Alias(declared));
    }

    fn is_function_name(&mut self, expr: &'a ast::Expr) -> bool {
        match &expr.kind {
            ast::ExprKind::Path(path) => matches!(self.lookup_path(path), Some(Decl::Functions(_))),
            ast::ExprKind::Paren(inner) => self.is_function_name(inner),
            _ => false,
        }
    }

    /// `static_assert(condition, "message")`.
    pub(super) fn static_assert(&mut self, condition: &'a ast::Expr, message: Option<&str>) {
        if self.constant_condition(condition, "the condition of static_assert") == Some(false) {
            let mut diagnostic =
                Diagnostic::new(Code::E0324, condition.span, "static_assert failed").at("this is false");
            if let Some(message) = message {
                diagnostic.message = format!("static_assert failed: {message}");
            }
            self.report(diagnostic);
        }
    }

    fn template_item(&mut self, decl: &'a ast::TemplateDecl) {
        self.check_template_names(&decl.params, &decl.item);
        self.check_template_params(&decl.params);
        if let ItemKind::Function(function) = &decl.item.kind {
            if decl.params.is_empty() {
                self.specialisation(function);
                return;
            }
            if let Some(pack) = decl.params.iter().find(|param| param.is_pack) {
                self.error(Code::E0608, pack.span, "variadic templates are not supported yet");
                self.poison(&function.name);
                return;
            }
            self.check_not_main(&function.name);
            self.check_param_names(function);
            self.check_template_defaults_complete(function);
            let template = Template::new(function, &decl.params, self.scopes.current_namespace());
            self.declare_template(&function.name, template);
            return;
        }
        let name = match &decl.item.kind {
            ItemKind::Struct(decl) => decl.name.as_ref(),
            ItemKind::Alias(decl) => Some(&decl.name),
            ItemKind::Variables(variables) => variables.first().map(|variable| &variable.name),
            _ => None,
        };
        // Reported where it is used: a file keeps its other kernels.
        match name {
            Some(name) => {
                self.scopes.declare(&name.name, Decl::ClassTemplate(name.span), name.span);
            }
            None if matches!(decl.item.kind, ItemKind::Error(_)) => {}
            None => self.error(Code::E0608, decl.item.span, "this kind of template is not supported"),
        }
    }

    /// Adds a variable and declares its name.
    pub(super) fn declare_variable(&mut self, name: &'a ast::Ident, variable: Variable) {
        self.variables.push(variable);
        let id = VarId(self.variables.len() as u32 - 1);
        self.declare(name, Decl::Variable(id));
    }

    /// A program-scope variable.
    fn global_variable(&mut self, decl: &'a ast::VarDecl) {
        self.check_not_main(&decl.name);
        if self.global_variable_checked(decl).is_none() {
            self.poison(&decl.name);
        }
    }

    fn global_variable_checked(&mut self, decl: &'a ast::VarDecl) -> Option<()> {
        if self.is_logger_type(&decl.ty) {
            return self.logger(decl);
        }
        let declared = self.variable_type(decl)?;
        if let Some(attr) = decl.attrs.iter().find(|attr| attr.name.name == "function_constant") {
            return self.function_constant(decl, attr, declared);
        }
        self.check_constant_space(decl, declared)?;
        let Some(init) = &decl.init else {
            self.report(
                Diagnostic::new(Code::E0408, decl.name.span, format!("`{}` has no initialiser", decl.name.name))
                    .note("a program-scope variable gets its value here, or [[function_constant(n)]] from the host [MSL 4.2]"),
            );
            return None;
        };
        let ty = QualType { is_const: true, ..declared.ty };
        let (bytes, is_core) = match self.constant_bytes(init, ty, decl.is_constexpr, decl.span)? {
            ConstantInit::Core(bytes) => (bytes, true),
            ConstantInit::Bytes(bytes) => (bytes, false),
            ConstantInit::Deferred => {
                let namespace = self.scopes.current_namespace();
                self.deferred.push(Deferred { init, ty, namespace });
                let storage = Storage::Deferred(self.deferred.len() as u32 - 1);
                self.declare_variable(&decl.name, Variable { ty, storage, constant: None });
                return Some(());
            }
        };
        let is_usable = decl.is_constexpr || is_integral(self.as_scalar(ty.ty));
        let is_usable = is_usable && is_core && !ty.is_volatile;
        let constant = self.scalar_of_bytes(ty.ty, &bytes).filter(|_| is_usable);
        let storage = self.add_global(decl, ty.ty, GlobalKind::Constant(bytes));
        if is_usable {
            self.constexpr_globals.insert(self.globals.len() as u32 - 1);
        }
        self.declare_variable(&decl.name, Variable { ty, storage, constant });
        Some(())
    }

    /// Adds a constant or threadgroup variable to the module.
    pub(super) fn add_global(
        &mut self,
        decl: &ast::VarDecl,
        ty: crate::ir::TypeId,
        kind: GlobalKind,
    ) -> Storage {
        let ty = self.builder.type_table().untagged(ty);
        self.globals.push(Global { name: decl.name.name.clone(), ty, kind, span: decl.name.span });
        Storage::Global(GlobalId(self.globals.len() as u32 - 1))
    }

    fn check_constant_space(&mut self, decl: &ast::VarDecl, declared: Declared) -> Option<()> {
        let name = &decl.name.name;
        if declared.reference.is_some() {
            self.error(Code::E0320, decl.span, "program-scope references are not supported");
            return None;
        }
        match declared.space {
            Some((AddressSpace::Constant, _)) => Some(()),
            Some((AddressSpace::Threadgroup, span)) => {
                self.report(
                    Diagnostic::new(
                        Code::E0404,
                        span,
                        format!("threadgroup variable `{name}` stands outside of a kernel"),
                    )
                    .note("declare it in the body of the kernel that uses it [MSL 4.4]"),
                );
                None
            }
            _ => {
                let shown = self.display(declared.ty.ty);
                let constexpr = if decl.is_constexpr { "constexpr " } else { "" };
                self.report(
                    Diagnostic::new(
                        Code::E0403,
                        decl.name.span,
                        format!("program-scope variable `{name}` is not in constant memory"),
                    )
                    .at(format!("write `constant {constexpr}{shown} {name} = …`"))
                    .note("variables outside of functions live in the constant address space, constexpr or not [MSL 4.2]"),
                );
                None
            }
        }
    }

    fn function_constant(
        &mut self,
        decl: &'a ast::VarDecl,
        attr: &'a ast::Attr,
        declared: Declared,
    ) -> Option<()> {
        let id = match &attr.args[..] {
            [arg] => self.constant_int(arg, "the index of a function constant")?,
            _ => {
                self.error(Code::E0511, attr.name.span, "`function_constant` takes one index");
                return None;
            }
        };
        let wrong =
            |c: &mut Self, span: Span, message: String| {
                c.report(Diagnostic::new(Code::E0513, span, message).note(
                    "a function constant reads `constant T name [[function_constant(index)]];` [MSL 5.8]",
                ));
                None
            };
        if !(0..=MAX_FUNCTION_CONSTANT).contains(&id) {
            return wrong(
                self,
                attr.name.span,
                format!("function constant index {id} is not between 0 and 65535"),
            );
        }
        if !matches!(declared.space, Some((AddressSpace::Constant, _))) {
            return wrong(
                self,
                decl.name.span,
                format!("function constant `{}` is not in constant memory", decl.name.name),
            );
        }
        if decl.init.is_some() {
            return wrong(
                self,
                decl.span,
                format!("function constant `{}` has an initialiser", decl.name.name),
            );
        }
        if !matches!(self.ty(declared.ty.ty), Type::Scalar(_) | Type::Vector { packed: false, .. }) {
            let shown = self.display(declared.ty.ty);
            return wrong(
                self,
                decl.name.span,
                format!("a function constant is a scalar or vector, not `{shown}`"),
            );
        }
        let id = id as u32;
        if let Some(other) = self.function_constants.iter().find(|constant| constant.id == id) {
            let diagnostic = Diagnostic::new(
                Code::E0513,
                decl.name.span,
                format!("function constant index {id} is used twice"),
            )
            .label(other.span, "first used here");
            self.report(diagnostic);
            return None;
        }
        let (name, ty, span) = (decl.name.name.clone(), declared.ty.ty, decl.name.span);
        self.function_constants.push(FunctionConstant { name: name.clone(), id, ty, span });
        let storage = Storage::FunctionConstant(FunctionConstantId(self.function_constants.len() as u32 - 1));
        let ty = QualType { is_const: true, ..declared.ty };
        self.declare_variable(&decl.name, Variable { ty, storage, constant: None });
        Some(())
    }
}
