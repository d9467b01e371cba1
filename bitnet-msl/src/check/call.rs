//! Calls: of the program's functions, of the library's, and constructions that look like calls.

use super::Checker;
use super::builtins::resolve::Resolved;
use super::builtins::{self, ArgType, BuiltinFamily, ExpandError, ResolveError};
use super::convert::Wanted;
use super::function::{FunctionIndex, Overload, OverloadKind, Param, SetId};
use super::library::overloads_in;
use super::lookup::Qualifier;
use super::operand::{Operand, OperandKind, Want};
use super::overload::{Argument, Found, NamedCall, Target};
use super::scope::{Decl, METAL, METAL_FAST, METAL_PRECISE, NamespaceId};
use super::suggest::closest;
use super::types::{Enumeration, QualType, Storage};
use crate::ast::{self, ExprKind, FunctionStage};
use crate::diag::{Code, Diagnostic};
use crate::ir::{FuncId, Op, Precision, Type, TypeId, Value};
use crate::source::Span;
use std::rc::Rc;

/// Whether a path is one name, without `::`.
fn is_unqualified(path: &ast::Path) -> bool {
    path.segments.len() == 1 && !path.global
}

impl<'a> Checker<'a> {
    /// `callee(args)`.
    pub(super) fn call(
        &mut self,
        callee: &'a ast::Expr,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Option<Operand> {
        match &callee.kind {
            ExprKind::Path(path) => self.call_path(path, args, span),
            ExprKind::Paren(inner) => self.nested(span, |c| c.call(inner, args, span)),
            ExprKind::Member(base, segment, arrow) => match self.named_logger(base).filter(|_| !arrow) {
                Some(logger) => self.log(logger, &segment.name, args, span),
                None => self.method(base, segment, *arrow, args, span),
            },
            _ => {
                self.expr(callee)?;
                self.error(Code::E0313, callee.span, "this is not a function");
                None
            }
        }
    }

    fn call_path(&mut self, path: &'a ast::Path, args: &'a [ast::Expr], span: Span) -> Option<Operand> {
        match self.lookup_path(path) {
            Some(Decl::Functions(set)) => self.call_set(set, path, args, span),
            Some(Decl::FunctionArgument(set)) => {
                let args = self.arguments(args)?;
                self.call_overloads(&self.functions.set(set), path, &args, span)
            }
            Some(Decl::Type(declared) | Decl::Alias(declared)) => self.construct(declared, args, false, span),
            Some(Decl::Poison) => {
                self.arguments_of_unknown(args);
                None
            }
            Some(Decl::LoggerType) => self.misplaced_logger_type(path.span),
            Some(Decl::ClassTemplate(declared)) => {
                let name = self.path_text(path);
                self.report(
                    Diagnostic::new(
                        Code::E0602,
                        path.span,
                        format!("template `{name}` is not supported yet"),
                    )
                    .label(declared, "declared here"),
                );
                None
            }
            Some(
                Decl::Variable(_)
                | Decl::Parameter(_)
                | Decl::Constant(..)
                | Decl::Namespace(_)
                | Decl::Incomplete(..)
                | Decl::Library
                | Decl::Logger(_)
                | Decl::FunctionType(_),
            ) => {
                let name = self.path_text(path);
                self.arguments(args);
                self.error(Code::E0313, path.span, format!("`{name}` is not a function"));
                None
            }
            None => self.call_undeclared(path, args, span),
        }
    }

    /// A call of a name that the program did not declare.
    fn call_undeclared(&mut self, path: &'a ast::Path, args: &'a [ast::Expr], span: Span) -> Option<Operand> {
        let last = path.segments.last()?;
        let name = last.name.name.as_str();
        if let Some((value, is_function)) = self.numeric_limit_of(path) {
            let value = value?;
            if !is_function || !args.is_empty() {
                self.error(Code::E0311, span, format!("`{name}` of numeric_limits takes no arguments"));
                return None;
            }
            return Some(self.constant_operand(value, span));
        }
        if name == "is_function_constant_defined" {
            return self.is_function_constant_defined(args, span);
        }
        if self.is_library_type(path) {
            let declared = self.library_type(path)?;
            return self.construct(declared, args, false, span);
        }
        let args = self.arguments(args);
        let mut associated = Vec::new();
        if let (Some(args), true) = (&args, is_unqualified(path)) {
            self.add_associated(&mut associated, name, args);
        }
        if !associated.is_empty() {
            return self.call_overloads(&associated, path, &args?, span);
        }
        match builtins::lookup(name) {
            Some(_) if self.is_in_fast_or_precise(path) => {
                let text = self.path_text(path);
                let message = format!("there is no function `{text}`");
                self.report(
                    Diagnostic::new(Code::E0203, path.span, message)
                        .at(format!("did you mean `metal::{name}`?"))
                        .note("metal::fast and metal::precise have the mathematical functions of float only [MSL 6.5]"),
                );
                None
            }
            // An operator rather than a function: it belongs to no namespace.
            Some(family) if name == "as_type" && is_unqualified(path) => {
                self.call_library(family, path, METAL, &args?, span)
            }
            // Its arguments might have said where it is; what is wrong with them has been reported.
            Some(_) if args.is_none() && is_unqualified(path) => None,
            Some(_) if is_unqualified(path) => {
                self.report(
                    Diagnostic::new(Code::E0203, path.span, format!("`{name}` is not declared here"))
                        .at(format!("did you mean `metal::{name}`?"))
                        .note("functions of the standard library need `using namespace metal;` or `metal::`"),
                );
                None
            }
            _ => self.unknown_function(path),
        }
    }

    /// Whether what stands before the name is one of the namespaces with functions of `float` only.
    fn is_in_fast_or_precise(&self, path: &ast::Path) -> bool {
        matches!(self.lookup_qualifiers(path), Some(Qualifier::Namespace(METAL_FAST | METAL_PRECISE)))
    }

    fn unknown_function<T>(&mut self, path: &ast::Path) -> Option<T> {
        let name = path.segments.last()?.name.name.clone();
        let names = if self.wants_hints() { self.scopes.visible_names() } else { Vec::new() };
        if self.is_qualifier_ambiguous(path) {
            return None;
        }
        if closest(&name, names).is_none()
            && let Some(hint) = builtins::closest_name(&name)
        {
            let text = self.path_text(path);
            self.report(
                Diagnostic::new(Code::E0203, path.span, format!("there is no function `{text}`"))
                    .at(format!("did you mean `{hint}`?")),
            );
            return None;
        }
        self.unknown_name(path)
    }

    /// All arguments, each checked even if another one is wrong.
    pub(super) fn arguments(&mut self, args: &'a [ast::Expr]) -> Option<Vec<Argument<'a>>> {
        let checked: Vec<Option<Argument<'a>>> = args
            .iter()
            .map(|arg| match arg.kind {
                ExprKind::InitList(_) => Some(Argument::List(arg)),
                _ => self.expr(arg).map(Argument::Operand),
            })
            .collect();
        checked.into_iter().collect()
    }

    /// Checks the arguments of what was refused. It might have taken the strings.
    pub(super) fn arguments_of_unknown(&mut self, args: &'a [ast::Expr]) {
        for arg in args.iter().filter(|arg| !matches!(arg.kind, ExprKind::Str(_) | ExprKind::InitList(_))) {
            self.expr(arg);
        }
    }

    /// A call of functions that a look-up found, and of those that the arguments bring along.
    fn call_set(
        &mut self,
        set: SetId,
        path: &'a ast::Path,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Option<Operand> {
        let args = self.arguments(args)?;
        let found = self.functions.set(set);
        let mut overloads: Vec<Overload> =
            found.into_iter().filter(|overload| self.scopes.sees(overload.order)).collect();
        if is_unqualified(path) {
            self.add_associated(&mut overloads, &path.segments.last()?.name.name, &args);
        }
        self.call_overloads(&overloads, path, &args, span)
    }

    /// A call of one of several functions: of the program, of the library, or of both.
    fn call_overloads(
        &mut self,
        overloads: &[Overload],
        path: &'a ast::Path,
        args: &[Argument<'a>],
        span: Span,
    ) -> Option<Operand> {
        if let [Overload { kind: OverloadKind::Library(namespace, name), .. }] = *overloads {
            return self.call_library(builtins::lookup(name)?, path, namespace, args, span);
        }
        let mut library = Vec::new();
        for overload in overloads {
            library.extend(match overload.kind {
                OverloadKind::Library(namespace, name) => builtins::lookup(name).and_then(|family| {
                    let resolved =
                        self.quietly(|c| c.resolve_library(family, path, namespace, args, span))?;
                    self.library_candidate(family, resolved, namespace, args)
                }),
                OverloadKind::Unsupported(name, param) => self.unsupported_candidate(name, param, args),
                OverloadKind::Plain(_) | OverloadKind::Template(_) => None,
            });
        }
        let last = path.segments.last()?;
        let explicit = last.args.as_deref().unwrap_or(&[]);
        let call = NamedCall { overloads, explicit, args, name: &last.name.name, span };
        match self.resolve_overload(&call, library) {
            Found::Target(Target::Function(index)) => self.call_function(index, args, span),
            Found::Target(Target::Library(resolved, namespace)) => {
                self.emit_library(&resolved, args, namespace, span)
            }
            Found::Target(Target::Unsupported(name)) => {
                self.error(Code::E0608, span, format!("the library's `{name}` is not supported"));
                None
            }
            Found::Nothing(diagnostic) => {
                self.report(diagnostic);
                None
            }
        }
    }

    fn call_function(&mut self, index: FunctionIndex, args: &[Argument<'a>], span: Span) -> Option<Operand> {
        let info = self.functions.get(index);
        let (signature, decl, name) = (Rc::clone(&info.signature), info.decl, info.name.clone());
        if decl.stage == FunctionStage::Kernel {
            self.report(
                Diagnostic::new(Code::E0505, span, format!("kernel `{name}` is called"))
                    .label(decl.name.span, "declared here")
                    .note("only hosts start kernels [MSL 5.1]; move the shared code into a helper function"),
            );
            return None;
        }
        self.use_function(index, span)?;
        let mut values = Vec::with_capacity(signature.params.len());
        for (position, param) in signature.params.iter().enumerate() {
            values.push(match args.get(position) {
                Some(arg) => self.pass(arg, param),
                None => self.pass_default(index, param),
            });
        }
        let values: Option<Vec<Value>> = values.into_iter().collect();
        let result = self.result_type(&signature);
        let value = self.builder.emit(Op::Call(FuncId(index.0), values?), result, span);
        if signature.ret_reference.is_some() {
            return Some(Operand::memory(value, signature.ret, span));
        }
        Some(Operand::value_of(value, signature.ret, span))
    }

    /// An argument as its parameter takes it.
    pub(super) fn pass(&mut self, arg: &Argument<'a>, param: &Param<'a>) -> Option<Value> {
        let wanted = Wanted {
            span: param.span,
            message: format!("the parameter is `{}`", self.describe_param(param)),
        };
        match (arg, param.reference) {
            (Argument::Operand(operand), Some(space)) => {
                self.bind_reference(*operand, param.ty, space, Some(&wanted))
            }
            (Argument::Operand(operand), None) => {
                let to = QualType { ty: self.unpacked_type(param.ty.ty), ..param.ty };
                let value = self.convert(*operand, to, Some(&wanted))?;
                Some(self.packed_like(value, param.ty.ty, operand.span))
            }
            (Argument::List(expr), None) => {
                let value = self.initial_value(expr, param.ty, Some(&wanted))?;
                Some(self.packed_like(value, param.ty.ty, expr.span))
            }
            (Argument::List(expr), Some(_)) => {
                self.error(Code::E0326, expr.span, "a reference cannot be bound to a braced list");
                None
            }
        }
    }

    /// A call of a library function.
    fn call_library(
        &mut self,
        family: &'static BuiltinFamily,
        path: &'a ast::Path,
        namespace: NamespaceId,
        args: &[Argument<'a>],
        span: Span,
    ) -> Option<Operand> {
        let resolved = self.resolve_library(family, path, namespace, args, span)?;
        self.emit_library(&resolved, args, namespace, span)
    }

    /// The library function that a call means; reports if there is none.
    fn resolve_library(
        &mut self,
        family: &'static BuiltinFamily,
        path: &'a ast::Path,
        namespace: NamespaceId,
        args: &[Argument<'a>],
        span: Span,
    ) -> Option<Resolved> {
        let template_args = self.library_template_args(path)?;
        let mut types = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                Argument::Operand(operand) => types.push(self.library_arg_type(operand, family.name)?),
                Argument::List(expr) => {
                    self.error(Code::E0311, expr.span, format!("`{}` takes no braced list", family.name));
                    return None;
                }
            }
        }
        let overloads = overloads_in(namespace);
        match builtins::resolve(family, overloads, &template_args, &types, self.builder.types()) {
            Ok(resolved) => Some(resolved),
            Err(error) => {
                self.report_resolve_error(family, error, args, path, span);
                None
            }
        }
    }

    fn emit_library(
        &mut self,
        resolved: &Resolved,
        args: &[Argument<'a>],
        namespace: NamespaceId,
        span: Span,
    ) -> Option<Operand> {
        let mut values = Vec::with_capacity(args.len());
        for (arg, param) in args.iter().zip(&resolved.params) {
            let Argument::Operand(operand) = arg else { return None };
            values.push(if param.by_reference {
                self.address_of(operand)?
            } else {
                let read = self.read(*operand)?;
                self.convert_value(read.value, read.ty, param.ty, read.span)
            });
        }
        let precision = self.precision(namespace);
        match builtins::expand(&mut self.builder, resolved, &values, precision, span) {
            Ok(value) => {
                self.builder.facts().library_results.insert(value);
                let enumeration = resolved.enumeration.map(Enumeration::Library);
                let ty = QualType { enumeration, ..QualType::plain(resolved.result) };
                Some(Operand::value_of(value, ty, span))
            }
            Err(ExpandError::FlagsNotConstant) => {
                self.error(Code::E0314, span, "the memory flags of a barrier must be constant");
                None
            }
        }
    }

    fn precision(&self, namespace: NamespaceId) -> Precision {
        match namespace {
            METAL_FAST => Precision::Fast,
            METAL_PRECISE => Precision::Precise,
            _ if self.options.fast_math => Precision::Fast,
            _ => Precision::Precise,
        }
    }

    fn library_template_args(&mut self, path: &'a ast::Path) -> Option<Vec<TypeId>> {
        let args = path.segments.last()?.args.as_deref().unwrap_or(&[]);
        let mut types = Vec::with_capacity(args.len());
        for arg in args {
            types.push(self.type_argument(arg)?.ty);
        }
        Some(types)
    }

    /// What overload resolution of library functions knows of an operand.
    fn library_arg_type(&mut self, operand: &Operand, name: &str) -> Option<ArgType> {
        let enumeration = match operand.enumeration {
            Some(Enumeration::Library(library)) => Some(library),
            Some(user) if self.is_scoped(user) => {
                let shown = self.enumeration_name(user);
                self.report(
                    Diagnostic::new(Code::E0311, operand.span, format!("`{name}` takes no `{shown}`"))
                        .note("a scoped enumeration converts explicitly only"),
                );
                return None;
            }
            _ => None,
        };
        let ty = self.value_type(operand);
        if self.ty(ty) == Type::Void {
            self.error(Code::E0311, operand.span, format!("`{name}` does not take this argument"));
            return None;
        }
        let place = match operand.kind {
            OperandKind::Memory(_) if !operand.is_volatile => {
                self.place_space(operand).map(|space| (space, operand.is_const))
            }
            _ => None,
        };
        let is_deducible = operand.enumeration.is_none();
        Some(ArgType { ty, place, enumeration, is_deducible })
    }

    fn report_resolve_error(
        &mut self,
        family: &BuiltinFamily,
        error: ResolveError,
        args: &[Argument<'a>],
        path: &ast::Path,
        span: Span,
    ) {
        let name = self.path_text(path);
        let shown = self.display_args(args);
        let diagnostic = match error {
            ResolveError::ArgumentCount { expected } => {
                let counts: Vec<String> = expected.iter().map(usize::to_string).collect();
                let message = format!("`{name}` takes {} arguments, not {}", counts.join(" or "), args.len());
                Diagnostic::new(Code::E0311, span, message)
            }
            ResolveError::NoMatch { candidates } => {
                let mut diagnostic =
                    Diagnostic::new(Code::E0311, span, format!("no function `{name}` takes ({shown})"));
                for candidate in candidates.into_iter().take(4) {
                    diagnostic = diagnostic.note(format!("there is {candidate}"));
                }
                diagnostic
            }
            ResolveError::Ambiguous { candidates } => {
                let mut diagnostic = Diagnostic::new(
                    Code::E0312,
                    span,
                    format!("the call of `{name}` with ({shown}) is ambiguous"),
                );
                for candidate in candidates.into_iter().take(4) {
                    diagnostic = diagnostic.note(format!("candidate: {candidate}"));
                }
                diagnostic.note("convert an argument explicitly to choose")
            }
            ResolveError::TemplateArguments { expected } => {
                let message = format!("`{}` takes {expected} template arguments", family.name);
                Diagnostic::new(Code::E0209, path.span, message)
            }
        };
        self.report(diagnostic);
    }

    fn is_function_constant_defined(&mut self, args: &'a [ast::Expr], span: Span) -> Option<Operand> {
        if let [ast::Expr { kind: ExprKind::Path(path), .. }] = args
            && let Some(Decl::Variable(id)) = self.lookup_path(path)
            && let Storage::FunctionConstant(constant) = self.variables[id.0 as usize].storage
        {
            let ty = self.builder.scalar_type(crate::ir::Scalar::Bool);
            let value = self.builder.emit(Op::IsFunctionConstantDefined(constant), ty, span);
            return Some(Operand::value(value, ty, span));
        }
        self.error(Code::E0513, span, "`is_function_constant_defined` takes the name of a function constant");
        None
    }

    /// `base.name(args)`: only `metal::array` and votes have methods here.
    fn method(
        &mut self,
        base: &'a ast::Expr,
        segment: &'a ast::PathSegment,
        arrow: bool,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Option<Operand> {
        let Some(operand) = self.member_base(base, arrow, Want::Value) else {
            self.arguments_of_unknown(args);
            return None;
        };
        if let Some(result) = self.vote_method(&operand, &segment.name, !args.is_empty(), span) {
            return result;
        }
        let args = self.arguments(args)?;
        if let (Some((_, len)), "size", true) =
            (self.array_struct(operand.ty), segment.name.name.as_str(), args.is_empty())
        {
            let len = super::const_eval::ConstValue::int(crate::ir::Scalar::U64, i128::from(len));
            return Some(self.constant_operand(len, span));
        }
        let shown = self.display(operand.ty);
        self.report(Diagnostic::new(
            Code::E0606,
            segment.name.span,
            format!("`{shown}` has no method `{}`: methods are not supported yet", segment.name.name),
        ));
        None
    }
}
