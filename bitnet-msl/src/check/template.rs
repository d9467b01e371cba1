//! Function templates: deduction, instances, specialisations, explicit instantiation.

use super::Checker;
use super::const_eval::ConstValue;
use super::constants::ConstantOperand;
use super::function::{Body, FunctionIndex, FunctionInfo, OverloadKind, Param, Required, SetId, same_params};
use super::library::template_arg_span;
use super::lookup::LookupKind;
use super::operand::{Operand, OperandKind};
use super::scope::{Decl, NamespaceId};
use super::types::{Declared, Enumeration, QualType};
use crate::ast::{self, FunctionStage, TemplateArg, TemplateParamKind, TypeExprKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{AddressSpace, Scalar, Type, TypeId};
use crate::source::Span;
use std::collections::HashMap;
use std::rc::Rc;

/// How many instances of templates one file may have.
pub(super) const MAX_INSTANCES: usize = 8192;

/// How deep instances may require each other.
pub(super) const MAX_INSTANCE_DEPTH: u32 = 64;

/// A template of the function table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TemplateId(pub(super) u32);

/// What a template parameter stands for in an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BoundArgument {
    /// A type; for `space T &` the address space of the referent too.
    Type(QualType, Option<AddressSpace>),
    /// A value, and the enumeration of which it is.
    Value(ConstValue, Option<Enumeration>),
    /// A parameter of function pointer type: the functions of the name that was given.
    Functions(SetId),
}

/// A [`BoundArgument`] as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ArgumentKey {
    Type(QualType, Option<AddressSpace>),
    Value(Scalar, u64, Option<Enumeration>),
    Functions(SetId),
}

fn key(arguments: &[BoundArgument]) -> Vec<ArgumentKey> {
    let one = |argument: &BoundArgument| match *argument {
        BoundArgument::Type(ty, reference) => ArgumentKey::Type(ty, reference),
        BoundArgument::Value(value, of) => ArgumentKey::Value(value.scalar, value.bits, of),
        BoundArgument::Functions(set) => ArgumentKey::Functions(set),
    };
    arguments.iter().map(one).collect()
}

/// A function template.
#[derive(Debug)]
pub(super) struct Template<'a> {
    pub(super) decl: &'a ast::FunctionDecl,
    params: &'a [ast::TemplateParam],
    namespace: NamespaceId,
    /// Position among all declarations: instances see what stands before.
    pub(super) order: u32,
    instances: HashMap<Vec<ArgumentKey>, FunctionIndex>,
}

impl<'a> Template<'a> {
    pub(super) fn new(
        decl: &'a ast::FunctionDecl,
        params: &'a [ast::TemplateParam],
        namespace: NamespaceId,
    ) -> Self {
        Self { decl, params, namespace, order: 0, instances: HashMap::new() }
    }

    /// How much of the parameters' types is written out rather than deduced: more is more specialised.
    pub(super) fn specificity(&self) -> u32 {
        self.decl.params.iter().map(|param| specificity(&param.ty)).sum()
    }
}

fn specificity(ty: &ast::TypeExpr) -> u32 {
    match &ty.kind {
        TypeExprKind::Pointer(inner) | TypeExprKind::Array(inner, _) => 1 + specificity(inner),
        TypeExprKind::Reference(inner) => specificity(inner),
        TypeExprKind::Named(path) => {
            path.segments.iter().map(|s| s.args.as_ref().map_or(0, |a| a.len() as u32)).sum()
        }
        _ => 0,
    }
}

/// What deduction knows of an argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArgumentShape {
    /// The type that a reference is bound to.
    place: QualType,
    /// The type of the value: arrays have become pointers.
    value: QualType,
}

/// Template arguments as they become known.
struct Deduction<'a> {
    params: &'a [ast::TemplateParam],
    bound: Vec<Option<BoundArgument>>,
    /// Given explicitly: arguments may convert.
    explicit: usize,
}

impl<'a> Deduction<'a> {
    fn position(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|param| param.name.as_ref().is_some_and(|n| n.name == name))
    }

    /// Whether a template argument of a parameter's type is a template parameter that was not given.
    fn waits_for(&self, arg: &TemplateArg) -> bool {
        let name = match arg {
            TemplateArg::Type(ast::TypeExpr { kind: TypeExprKind::Named(path), .. }) => plain_name(path),
            TemplateArg::Type(_) => return true,
            TemplateArg::Expr(expr) => expr_name(expr),
        };
        name.and_then(|name| self.position(name)).is_some_and(|position| position >= self.explicit)
    }

    /// Binds a parameter; `false` if it is bound to something else already.
    fn bind(&mut self, position: usize, argument: BoundArgument) -> bool {
        if position < self.explicit {
            return true;
        }
        *self.bound[position].get_or_insert(argument) == argument
    }
}

/// The name that a path of one part without arguments is.
fn plain_name(path: &ast::Path) -> Option<&str> {
    match &path.segments[..] {
        [segment] if segment.args.is_none() && !path.global => Some(&segment.name.name),
        _ => None,
    }
}

impl<'a> Checker<'a> {
    /// What deduction knows of an operand. `None` for nullptr, from which nothing follows.
    pub(super) fn argument_shape(&mut self, operand: &Operand) -> Option<ArgumentShape> {
        if matches!(operand.kind, OperandKind::Null) {
            return None;
        }
        // Reading unpacks a packed vector, but its type is what T becomes.
        let ty = match self.ty(operand.ty) {
            Type::Vector { .. } => operand.ty,
            _ => self.value_type(operand),
        };
        let value = QualType { ty, ..operand.qual().unqualified() };
        // Constant memory is const by its place, not by the type of what lies there.
        let is_const = operand.is_const && self.place_space(operand) != Some(AddressSpace::Constant);
        Some(ArgumentShape { place: QualType { is_const, ..operand.qual() }, value })
    }

    /// The arguments of a template for a call; `None` if they do not follow from it.
    pub(super) fn deduce(
        &mut self,
        id: TemplateId,
        explicit: &'a [TemplateArg],
        shapes: &[Option<ArgumentShape>],
    ) -> Option<Vec<BoundArgument>> {
        let template = self.functions.template(id);
        let (decl, params, namespace, order) =
            (template.decl, template.params, template.namespace, template.order);
        if explicit.len() > params.len() {
            return None;
        }
        let mut deduction = Deduction { params, bound: vec![None; params.len()], explicit: explicit.len() };
        for (position, arg) in explicit.iter().enumerate() {
            let bound = self.explicit_argument(&params[position], arg, &deduction, (namespace, order))?;
            deduction.bound[position] = Some(bound);
        }
        for (param, shape) in decl.params.iter().zip(shapes) {
            if let Some(shape) = shape
                && !self.unify_param(&param.ty, shape, &mut deduction)
            {
                return None;
            }
        }
        for (position, param) in params.iter().enumerate() {
            if deduction.bound[position].is_none() {
                let default = self.default_argument(param, &deduction, (namespace, order))?;
                deduction.bound[position] = Some(default);
            }
        }
        deduction.bound.into_iter().collect()
    }

    /// A template argument as written at a use.
    fn explicit_argument(
        &mut self,
        param: &'a ast::TemplateParam,
        arg: &'a TemplateArg,
        deduction: &Deduction<'a>,
        place: (NamespaceId, u32),
    ) -> Option<BoundArgument> {
        match &param.kind {
            TemplateParamKind::Type(_) => {
                let declared = self.declared_argument(arg)?;
                Some(BoundArgument::Type(declared.ty, declared.reference))
            }
            TemplateParamKind::Value(ty, _) => {
                if is_function_pointer(ty) {
                    return self.function_argument(arg);
                }
                let TemplateArg::Expr(expr) = arg else {
                    self.error(Code::E0209, template_arg_span(arg), "a value is needed here, not a type");
                    return None;
                };
                let value = self.constant_operand_of(expr, "a template argument")?;
                self.value_argument(ty, value, expr.span, deduction, place)
            }
        }
    }

    /// A function given by its name. Which of several of that name is decided where it is called.
    fn function_argument(&mut self, arg: &'a TemplateArg) -> Option<BoundArgument> {
        if let TemplateArg::Expr(expr) = arg {
            let name = match &expr.kind {
                ast::ExprKind::Prefix(ast::PrefixOp::AddressOf, name) => name,
                _ => expr,
            };
            if let ast::ExprKind::Path(path) = &name.kind {
                let plain = path.segments.iter().all(|segment| segment.args.is_none());
                match self.lookup_path(path) {
                    Some(Decl::FunctionArgument(set)) if plain => return Some(BoundArgument::Functions(set)),
                    Some(Decl::Functions(set)) if plain && self.has_program_functions(set) => {
                        return Some(BoundArgument::Functions(set));
                    }
                    Some(Decl::Poison) => return None,
                    _ => {}
                }
            }
        }
        self.error(Code::E0209, template_arg_span(arg), "the name of a function is needed here");
        None
    }

    /// Whether the program declares any of the functions.
    fn has_program_functions(&self, set: SetId) -> bool {
        let of_program = |kind| matches!(kind, OverloadKind::Plain(_) | OverloadKind::Template(_));
        self.functions.set(set).iter().any(|overload| of_program(overload.kind))
    }

    /// A constant as the type of a value parameter.
    fn value_argument(
        &mut self,
        ty: &'a ast::TypeExpr,
        given: ConstantOperand,
        span: Span,
        deduction: &Deduction<'a>,
        place: (NamespaceId, u32),
    ) -> Option<BoundArgument> {
        if matches!(ty.kind, TypeExprKind::Auto) {
            return Some(BoundArgument::Value(given.value, given.enumeration));
        }
        let ty = self.inside_template(deduction, place, |c| c.object_type(ty))?;
        let Some(value) = self.converted_constant(given, ty) else {
            let (shown, from) = (self.display_qual(ty), given.value.scalar.msl_name());
            let from =
                given.enumeration.map_or(from.into(), |enumeration| self.enumeration_name(enumeration));
            let message = format!("this `{from}` does not fit the template parameter's type `{shown}`");
            self.report(Diagnostic::new(Code::E0209, span, message).note(
                "template arguments take no narrowing conversions, and no others but those between integers \
                 (C++ [temp.arg.nontype])",
            ));
            return None;
        };
        Some(BoundArgument::Value(value, ty.enumeration))
    }

    fn default_argument(
        &mut self,
        param: &'a ast::TemplateParam,
        deduction: &Deduction<'a>,
        place: (NamespaceId, u32),
    ) -> Option<BoundArgument> {
        match &param.kind {
            TemplateParamKind::Type(default) => {
                let default = default.as_ref()?;
                let ty = self.inside_template(deduction, place, |c| c.object_type(default))?;
                Some(BoundArgument::Type(ty, None))
            }
            TemplateParamKind::Value(ty, default) => {
                let default = default.as_ref()?;
                let value = self.inside_template(deduction, place, |c| {
                    c.constant_operand_of(default, "a template argument")
                })?;
                self.value_argument(ty, value, default.span, deduction, place)
            }
        }
    }

    /// Runs `f` where the template stands, with the arguments known so far.
    fn inside_template<T>(
        &mut self,
        deduction: &Deduction<'a>,
        (namespace, order): (NamespaceId, u32),
        f: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let saved = self.scopes.enter(namespace, order);
        let known = deduction
            .params
            .iter()
            .zip(&deduction.bound)
            .filter_map(|(param, bound)| Some((param.name.as_ref()?.name.as_str(), (*bound)?)));
        let known: Vec<(&'a str, BoundArgument)> = known.collect();
        self.bind_template_arguments(&known);
        let result = f(self);
        self.scopes.leave(saved);
        result
    }

    /// Declares template arguments in a new scope.
    pub(super) fn bind_template_arguments(&mut self, bindings: &[(&'a str, BoundArgument)]) {
        if bindings.is_empty() {
            return;
        }
        self.scopes.push_block();
        for &(name, argument) in bindings {
            let decl = match argument {
                BoundArgument::Type(ty, reference) => Decl::Alias(Declared { ty, space: None, reference }),
                BoundArgument::Value(value, enumeration) => Decl::Constant(value, enumeration),
                BoundArgument::Functions(set) => Decl::FunctionArgument(set),
            };
            self.scopes.declare(name, decl, Span::default());
        }
    }

    fn unify_param(
        &mut self,
        ty: &'a ast::TypeExpr,
        shape: &ArgumentShape,
        deduction: &mut Deduction<'a>,
    ) -> bool {
        match &ty.kind {
            TypeExprKind::Reference(inner) => self.unify(inner, shape.place, deduction),
            TypeExprKind::Array(elem, _) => match self.ty(shape.value.ty) {
                Type::Pointer { pointee, is_const, .. } => {
                    self.unify(elem, self.outer_type(pointee, is_const), deduction)
                }
                _ => false,
            },
            _ => self.unify(ty, shape.value, deduction),
        }
    }

    /// Binds the template parameters in a type to what they are in an actual type. Address spaces are
    /// left to conversion, which can say more about them.
    fn unify(&mut self, ty: &'a ast::TypeExpr, actual: QualType, deduction: &mut Deduction<'a>) -> bool {
        match (&ty.kind, self.ty(actual.ty)) {
            (TypeExprKind::Named(path), _) => {
                if let Some(position) = plain_name(path).and_then(|name| deduction.position(name)) {
                    let bound = QualType {
                        is_const: actual.is_const && !ty.quals.is_const,
                        is_volatile: actual.is_volatile && !ty.quals.is_volatile,
                        ..actual
                    };
                    return deduction.bind(position, BoundArgument::Type(bound, None));
                }
                self.unify_library(path, actual.ty, deduction)
            }
            (TypeExprKind::Pointer(inner), Type::Pointer { space, pointee, is_const }) => {
                let const_by_space = space == AddressSpace::Constant;
                let is_const = is_const && !const_by_space;
                self.unify(inner, self.outer_type(pointee, is_const), deduction)
            }
            (TypeExprKind::Pointer(_), _) => false,
            (TypeExprKind::Array(inner, len), Type::Array { elem, len: actual_len }) => {
                let known = match len.as_deref() {
                    Some(ast::Expr { kind: ast::ExprKind::Path(path), .. }) => {
                        let position = plain_name(path).and_then(|name| deduction.position(name));
                        position.is_none_or(|position| bind_count(deduction, position, actual_len))
                    }
                    _ => true,
                };
                known && self.unify(inner, self.element_of(actual, elem), deduction)
            }
            (TypeExprKind::Array(..), _) => false,
            _ => true,
        }
    }

    /// `vec<T, N>`, `array<T, N>`, `atomic<T>`, `matrix<T, C, R>` with parameters inside.
    fn unify_library(&mut self, path: &'a ast::Path, actual: TypeId, deduction: &mut Deduction<'a>) -> bool {
        let Some(segment) = path.segments.last() else { return true };
        let Some(args) = &segment.args else { return true };
        let (elem, counts) = match (segment.name.name.as_str(), self.ty(actual)) {
            ("vec" | "packed_vec", Type::Vector { elem, len, packed })
                if packed == (segment.name.name == "packed_vec") =>
            {
                (self.builder.scalar_type(elem), vec![u32::from(len)])
            }
            ("atomic", Type::Atomic(elem)) => (self.builder.scalar_type(elem), Vec::new()),
            ("matrix", Type::Matrix { elem, cols, rows }) => {
                (self.builder.scalar_type(elem), vec![u32::from(cols), u32::from(rows)])
            }
            ("array", Type::Struct(_)) => match self.array_struct(actual) {
                Some((elem, len)) => (elem, vec![len]),
                None => return false,
            },
            // With all its parameters given, the argument may convert.
            ("vec" | "packed_vec" | "atomic" | "matrix" | "array", _) => {
                return !args.iter().any(|arg| deduction.waits_for(arg));
            }
            _ => return true,
        };
        if args.len() != counts.len() + 1 {
            return true;
        }
        let elem = self.outer_type(elem, false);
        let elem_fits = match &args[0] {
            TemplateArg::Type(ty) => self.unify(ty, elem, deduction),
            TemplateArg::Expr(expr) => {
                let position = expr_name(expr).and_then(|name| deduction.position(name));
                let argument = BoundArgument::Type(elem, None);
                position.is_none_or(|position| deduction.bind(position, argument))
            }
        };
        elem_fits
            && args[1..].iter().zip(counts).all(|(arg, count)| match arg {
                TemplateArg::Expr(expr) => {
                    let position = expr_name(expr).and_then(|name| deduction.position(name));
                    position.is_none_or(|position| bind_count(deduction, position, count))
                }
                TemplateArg::Type(_) => true,
            })
    }

    /// The instance of a template for arguments, made on first use. Its body waits until it is called.
    pub(super) fn instance(
        &mut self,
        id: TemplateId,
        arguments: Vec<BoundArgument>,
        span: Span,
    ) -> Option<FunctionIndex> {
        let template = self.functions.template(id);
        let cache_key = key(&arguments);
        if let Some(&index) = template.instances.get(&cache_key) {
            return Some(index);
        }
        if self.functions.infos().len() >= MAX_INSTANCES {
            self.error(
                Code::E0210,
                span,
                format!("more than {MAX_INSTANCES} functions and instances of templates"),
            );
            return None;
        }
        let (decl, namespace, order) = (template.decl, template.namespace, template.order);
        let names =
            template.params.iter().map(|param| param.name.as_ref().map_or("", |name| name.name.as_str()));
        let bindings: Vec<(&'a str, BoundArgument)> = names.zip(arguments.iter().copied()).collect();
        let saved = self.scopes.enter(namespace, order);
        self.bind_template_arguments(&bindings);
        let signature = self.signature(decl);
        self.scopes.leave(saved);
        let signature = signature?;
        let name = format!("{}<{}>", decl.name.name, self.display_arguments(&arguments));
        let body = if decl.body.is_some() { Body::Pending } else { Body::None };
        let index = self.functions.add(FunctionInfo {
            name,
            decl,
            is_static: decl.is_static,
            signature: Rc::new(signature),
            namespace,
            visible_until: order + 1,
            bindings: Rc::new(bindings),
            body,
            routine: None,
            is_queued: false,
            required: None,
            called_at: None,
        });
        self.functions.template_mut(id).instances.insert(cache_key, index);
        Some(index)
    }

    fn display_arguments(&self, arguments: &[BoundArgument]) -> String {
        let one = |argument: &BoundArgument| match argument {
            BoundArgument::Type(ty, reference) => {
                let space = reference.map_or(String::new(), |space| format!("{} ", space.msl_name()));
                let is_const = ty.is_const && *reference != Some(AddressSpace::Constant);
                let constness = if is_const { "const " } else { "" };
                let sigil = if reference.is_some() { " &" } else { "" };
                format!("{space}{constness}{}{sigil}", self.display_qual(*ty))
            }
            BoundArgument::Value(value, _) if value.scalar == Scalar::Bool => value.is_true().to_string(),
            BoundArgument::Value(value, _) => value.as_int().to_string(),
            BoundArgument::Functions(set) => self.functions.set_name(*set),
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Notes that a function is called; an instance gets its body.
    pub(super) fn use_function(&mut self, index: FunctionIndex, span: Span) -> Option<()> {
        let by = self.context.function;
        let depth =
            by.and_then(|by| self.functions.get(by).required).map_or(0, |required| required.depth + 1);
        let info = self.functions.get_mut(index);
        info.called_at.get_or_insert(span);
        if !matches!(info.body, Body::Pending) || info.is_queued || self.quiet > 0 {
            return Some(());
        }
        info.is_queued = true;
        info.required = Some(Required { span, by, depth });
        if depth > MAX_INSTANCE_DEPTH {
            let name = info.name.clone();
            self.error(
                Code::E0210,
                span,
                format!("instances of templates require each other too deeply: `{name}`"),
            );
            return None;
        }
        self.queue.push_back(index);
        Some(())
    }

    /// `template <> R f(params) { … }`: the instance that these parameters mean.
    pub(super) fn specialisation(&mut self, decl: &'a ast::FunctionDecl) {
        let Some(signature) = self.signature(decl) else { return };
        let shapes: Vec<_> = signature.params.iter().map(|param| Some(param_shape(param))).collect();
        let found = self.templates_named(&decl.name).into_iter().find_map(|id| {
            let arguments = self.quietly(|c| c.deduce(id, &[], &shapes))?;
            let index = self.quietly(|c| c.instance(id, arguments, decl.name.span))?;
            same_params(&self.functions.get(index).signature, &signature).then_some(index)
        });
        let Some(index) = found else {
            self.report(
                Diagnostic::new(
                    Code::E0209,
                    decl.name.span,
                    format!("`{}` specialises no template", decl.name.name),
                )
                .note("the template arguments are deduced from the parameters"),
            );
            return;
        };
        let info = self.functions.get_mut(index);
        if info.is_queued || matches!(info.body, Body::Done(_)) {
            let name = info.name.clone();
            self.error(Code::E0204, decl.name.span, format!("`{name}` is specialised after it was used"));
            return;
        }
        info.decl = decl;
        info.signature = Rc::new(signature);
        info.bindings = Rc::default();
        info.visible_until = u32::MAX;
        info.is_queued = true;
        self.lower_body(index);
    }

    fn templates_named(&self, name: &ast::Ident) -> Vec<TemplateId> {
        let Some(found) = self.scopes.lookup(&name.name, LookupKind::Ordinary) else { return Vec::new() };
        let sets = found.program.iter().filter_map(|binding| match binding.decl {
            Decl::Functions(set) => Some(set),
            _ => None,
        });
        sets.flat_map(|set| self.template_ids(set)).collect()
    }

    fn template_ids(&self, set: SetId) -> Vec<TemplateId> {
        let overloads = self.functions.set(set).into_iter();
        let ids = overloads.filter_map(|overload| match overload.kind {
            OverloadKind::Template(id) => Some(id),
            _ => None,
        });
        ids.collect()
    }

    /// `template [[host_name("n")]] kernel void f<T>(…);` and its other spellings.
    pub(super) fn instantiation(&mut self, decl: &'a ast::InstantiationDecl) {
        let found = self.lookup_path(&decl.path);
        let name = self.path_text(&decl.path);
        let set = match found {
            Some(Decl::Functions(set)) => set,
            Some(Decl::Poison) => return,
            Some(_) => {
                self.error(
                    Code::E0608,
                    decl.path.span,
                    format!("`{name}` is no function template: only those are instantiated"),
                );
                return;
            }
            None => {
                self.unknown_name::<()>(&decl.path);
                return;
            }
        };
        let Some(params) = self.instantiation_params(decl) else { return };
        let templates = self.template_ids(set);
        let explicit = decl.path.segments.last().and_then(|segment| segment.args.as_deref()).unwrap_or(&[]);
        let index = match templates[..] {
            [only] => self.instantiate(only, explicit, params.as_deref(), decl.path.span),
            _ => templates.iter().find_map(|&id| {
                self.quietly(|c| c.instantiate(id, explicit, params.as_deref(), decl.path.span))
            }),
        };
        let Some(index) = index else {
            if templates.len() != 1 {
                self.error(
                    Code::E0209,
                    decl.path.span,
                    format!("no template `{name}` fits this instantiation"),
                );
            }
            return;
        };
        self.finish_instantiation(decl, index);
    }

    /// The parameters of an instantiation, if they were written.
    fn instantiation_params(&mut self, decl: &'a ast::InstantiationDecl) -> Option<Option<Vec<Param<'a>>>> {
        let Some(params) = &decl.params else { return Some(None) };
        let params: Vec<Option<Param<'a>>> =
            params.iter().map(|param| self.param(param, FunctionStage::Helper)).collect();
        params.into_iter().collect::<Option<Vec<_>>>().map(Some)
    }

    fn instantiate(
        &mut self,
        id: TemplateId,
        explicit: &'a [TemplateArg],
        params: Option<&[Param<'a>]>,
        span: Span,
    ) -> Option<FunctionIndex> {
        let shapes: Vec<_> = params.unwrap_or(&[]).iter().map(|param| Some(param_shape(param))).collect();
        let before = self.errors;
        let template = self.functions.template(id);
        let (declared, count) = (template.decl.name.span, template.params.len());
        let Some(arguments) = self.deduce(id, explicit, &shapes) else {
            // Wrong arguments have been reported one by one; what is left is that some are missing.
            if self.errors == before {
                let message = format!("the {count} template arguments do not follow from this");
                self.report(
                    Diagnostic::new(Code::E0209, span, message).label(declared, "template declared here"),
                );
            }
            return None;
        };
        let index = self.instance(id, arguments, span)?;
        if let Some(params) = params {
            let signature = &self.functions.get(index).signature;
            let fits = signature.params.len() == params.len()
                && signature
                    .params
                    .iter()
                    .zip(params)
                    .all(|(a, b)| a.reference == b.reference && a.ty.unqualified() == b.ty.unqualified());
            if !fits {
                let name = self.functions.get(index).name.clone();
                self.report(
                    Diagnostic::new(Code::E0311, span, format!("the parameters are not those of `{name}`"))
                        .label(declared, "template declared here"),
                );
                return None;
            }
        }
        Some(index)
    }

    fn finish_instantiation(&mut self, decl: &'a ast::InstantiationDecl, index: FunctionIndex) {
        let info = self.functions.get(index);
        let (function, name) = (info.decl, info.name.clone());
        if self.use_function(index, decl.path.span).is_none() {
            return;
        }
        if function.stage != FunctionStage::Kernel {
            if let Some(attr) = decl.attrs.iter().find(|attr| attr.name.name == "host_name") {
                self.report(
                    Diagnostic::new(
                        Code::E0511,
                        attr.name.span,
                        format!("`{name}` is no kernel: hosts cannot find it"),
                    )
                    .label(function.name.span, "declared here"),
                );
            }
            return;
        }
        self.check_kernel_result(function, index);
        self.register_kernel(index, &decl.attrs, decl.path.span);
    }
}

/// `R (*name)(…)` or `R name(…)`.
fn is_function_pointer(ty: &ast::TypeExpr) -> bool {
    match &ty.kind {
        TypeExprKind::Function(..) => true,
        TypeExprKind::Pointer(inner) | TypeExprKind::Reference(inner) => is_function_pointer(inner),
        _ => false,
    }
}

fn bind_count(deduction: &mut Deduction<'_>, position: usize, count: u32) -> bool {
    let scalar = match &deduction.params[position].kind {
        TemplateParamKind::Value(ty, _) => value_scalar(ty),
        TemplateParamKind::Type(_) => return false,
    };
    deduction.bind(position, BoundArgument::Value(ConstValue::int(scalar, i128::from(count)), None))
}

/// The scalar of a value parameter, as far as its name says it.
fn value_scalar(ty: &ast::TypeExpr) -> Scalar {
    let TypeExprKind::Named(path) = &ty.kind else { return Scalar::I32 };
    let name = match &path.segments[..] {
        [segment] => segment.name.name.as_str(),
        _ => "int",
    };
    if name == "size_t" {
        return Scalar::U64;
    }
    Scalar::ALL.into_iter().find(|s| s.msl_name() == name).unwrap_or(Scalar::I32)
}

fn expr_name(expr: &ast::Expr) -> Option<&str> {
    match &expr.kind {
        ast::ExprKind::Path(path) => plain_name(path),
        _ => None,
    }
}

fn param_shape(param: &Param<'_>) -> ArgumentShape {
    let is_const = param.ty.is_const && param.reference != Some(AddressSpace::Constant);
    ArgumentShape { place: QualType { is_const, ..param.ty }, value: param.ty.unqualified() }
}
