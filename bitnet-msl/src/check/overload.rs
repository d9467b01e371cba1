//! Which of the program's functions a call means (C++ \[over.match\]).

use super::Checker;
use super::builtins::resolve::Resolved;
use super::builtins::{BuiltinFamily, ConversionRank};
use super::function::{FunctionIndex, Overload, OverloadKind, Param};
use super::library::{LibraryName, declared_in, type_named};
use super::operand::{Operand, OperandKind, Rvalue};
use super::scope::{METAL, METAL_FAST, METAL_PRECISE, NamespaceId};
use super::types::{Enumeration, QualType};
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{AddressSpace, Type};
use crate::source::Span;
use std::rc::Rc;

/// A call of functions of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedCall<'c, 'a> {
    /// The functions that it may mean. Those of the library have been resolved apart.
    pub(super) overloads: &'c [Overload],
    /// Template arguments.
    pub(super) explicit: &'a [ast::TemplateArg],
    pub(super) args: &'c [Argument<'a>],
    pub(super) name: &'a str,
    pub(super) span: Span,
}

/// An argument of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Argument<'a> {
    Operand(Operand),
    /// `{…}`: takes the parameter's type.
    List(&'a ast::Expr),
}

/// A function that takes the arguments, and how well.
#[derive(Debug)]
pub(super) struct Candidate {
    target: Target,
    ranks: Vec<ConversionRank>,
    /// Of a template: how specialised it is.
    template: Option<u32>,
}

/// A function of the program or of the library.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Function(FunctionIndex),
    /// Of the library, in one of its namespaces.
    Library(Resolved, NamespaceId),
    /// Of the library, but not supported.
    Unsupported(&'static str),
}

/// What overload resolution found.
#[derive(Debug)]
pub(super) enum Found {
    /// The function to call. Its parameters may still refuse the arguments: then it was the only one.
    Target(Target),
    /// Nothing takes the arguments.
    Nothing(Diagnostic),
}

impl<'a> Checker<'a> {
    /// The function that a call means: one of the program's, or of the library's that take the arguments.
    pub(super) fn resolve_overload(&mut self, call: &NamedCall<'_, 'a>, library: Vec<Candidate>) -> Found {
        let NamedCall { overloads, explicit, args, name, span } = *call;
        let is_of_program = |overload: &&Overload| {
            matches!(overload.kind, OverloadKind::Plain(_) | OverloadKind::Template(_))
        };
        let visible: Vec<Overload> = overloads.iter().filter(is_of_program).copied().collect();
        let mut candidates = library;
        let mut reachable = Vec::new();
        for overload in &visible {
            let template = match overload.kind {
                OverloadKind::Template(id) => Some(self.functions.template(id).specificity()),
                _ if !explicit.is_empty() => continue,
                _ => None,
            };
            let Some(index) = self.overload_instance(overload.kind, explicit, args, span) else { continue };
            if !self.takes_count(index, args.len()) {
                continue;
            }
            reachable.push(index);
            if let Some(ranks) = self.ranks(index, args) {
                candidates.push(Candidate { target: Target::Function(index), ranks, template });
            }
        }
        if candidates.is_empty() {
            return match reachable[..] {
                [only] if visible.len() == 1 => Found::Target(Target::Function(only)),
                _ => Found::Nothing(self.no_function(
                    &visible.iter().map(|o| o.kind).collect::<Vec<_>>(),
                    args,
                    name,
                    span,
                )),
            };
        }
        self.best(candidates, name, span)
    }

    /// The library's function as a candidate, if it takes the arguments.
    pub(super) fn library_candidate(
        &mut self,
        family: &'static BuiltinFamily,
        resolved: Resolved,
        namespace: NamespaceId,
        args: &[Argument<'a>],
    ) -> Option<Candidate> {
        let ranks = args.iter().zip(&resolved.params).map(|(arg, param)| match arg {
            Argument::Operand(_) if param.by_reference => Some(ConversionRank::Exact),
            Argument::Operand(operand) => {
                let to = QualType { enumeration: operand.enumeration, ..QualType::plain(param.ty) };
                self.value_rank(operand, to)
            }
            Argument::List(_) => None,
        });
        let ranks = ranks.collect::<Option<Vec<_>>>()?;
        let is_template = family.signatures.iter().any(|signature| signature.class.is_template());
        let target = Target::Library(resolved, namespace);
        Some(Candidate { target, ranks, template: is_template.then_some(0) })
    }

    /// A function of the library that is not supported, as a candidate, if it takes the arguments.
    pub(super) fn unsupported_candidate(
        &mut self,
        name: &'static str,
        param: &str,
        args: &[Argument<'a>],
    ) -> Option<Candidate> {
        let [Argument::Operand(operand)] = args else { return None };
        let ty = self.builder.types().intern(type_named(param)?);
        let rank = self.value_rank(operand, QualType::plain(ty))?;
        Some(Candidate { target: Target::Unsupported(name), ranks: vec![rank], template: None })
    }

    /// Adds the functions of the namespaces that the arguments belong to: they are found wherever they stand
    /// (C++ \[basic.lookup.argdep\]).
    pub(super) fn add_associated(&self, overloads: &mut Vec<Overload>, name: &str, args: &[Argument<'a>]) {
        let mut namespaces = Vec::new();
        for arg in args {
            if let Argument::Operand(operand) = arg {
                namespaces
                    .extend(self.namespace_of(operand).filter(|namespace| !namespaces.contains(namespace)));
            }
        }
        for namespace in namespaces.into_iter().flat_map(|namespace| self.scopes.associated(namespace)) {
            let declared = self.scopes.functions_in(namespace, name);
            let mut found = declared.map_or_else(Vec::new, |set| self.functions.set(set));
            if let Some(LibraryName::Function(name)) =
                declared_in(namespace, name, self.options.language_version)
            {
                found.push(Overload { kind: OverloadKind::Library(namespace, name), order: 0 });
            }
            found.retain(|overload| overloads.iter().all(|known| known.kind != overload.kind));
            overloads.append(&mut found);
        }
    }

    /// The namespace that declares the type of an operand, or the type that it points to. Scalars and vectors are
    /// built in; other types of the library are declared in `metal`.
    fn namespace_of(&self, operand: &Operand) -> Option<NamespaceId> {
        match operand.enumeration {
            Some(Enumeration::User(index)) => return Some(self.enums[index as usize].namespace),
            Some(Enumeration::Library(_)) => return Some(METAL),
            None => {}
        }
        let mut ty = operand.ty;
        loop {
            ty = match self.ty(ty) {
                Type::Pointer { pointee, .. } => pointee,
                Type::Array { elem, .. } => elem,
                Type::Struct(id) => {
                    return Some(self.structs.get(&id.0).map_or(METAL, |info| info.namespace));
                }
                Type::Matrix { .. } | Type::Atomic(_) | Type::Vector { packed: true, .. } => {
                    return Some(METAL);
                }
                _ => return None,
            };
        }
    }

    /// The function that an overload is for these arguments.
    fn overload_instance(
        &mut self,
        kind: OverloadKind,
        explicit: &'a [ast::TemplateArg],
        args: &[Argument<'a>],
        span: Span,
    ) -> Option<FunctionIndex> {
        let id = match kind {
            OverloadKind::Plain(index) => return Some(index),
            OverloadKind::Template(id) => id,
            OverloadKind::Library(..) | OverloadKind::Unsupported(..) => return None,
        };
        if self.functions.template(id).decl.params.len() < args.len() {
            return None;
        }
        let mut shapes = Vec::with_capacity(args.len());
        for arg in args {
            shapes.push(match arg {
                Argument::Operand(operand) => self.argument_shape(operand),
                Argument::List(_) => None,
            });
        }
        self.quietly(|c| {
            let arguments = c.deduce(id, explicit, &shapes)?;
            c.instance(id, arguments, span)
        })
    }

    fn takes_count(&self, index: FunctionIndex, count: usize) -> bool {
        let params = &self.functions.get(index).signature.params;
        count <= params.len() && params[count..].iter().all(|param| param.default.is_some())
    }

    /// How well each argument converts; `None` if one does not.
    fn ranks(&mut self, index: FunctionIndex, args: &[Argument<'a>]) -> Option<Vec<ConversionRank>> {
        let signature = Rc::clone(&self.functions.get(index).signature);
        args.iter().zip(&signature.params).map(|(arg, param)| self.argument_rank(arg, param)).collect()
    }

    fn argument_rank(&mut self, arg: &Argument<'a>, param: &Param<'a>) -> Option<ConversionRank> {
        let Argument::Operand(operand) = arg else {
            return param.reference.is_none().then_some(ConversionRank::Conversion);
        };
        let Some(space) = param.reference else { return self.value_rank(operand, param.ty) };
        let same = operand.qual().is_similar(param.ty);
        let in_memory = matches!(operand.kind, OperandKind::Memory(_));
        let in_space = in_memory && self.place_space(operand) == Some(space);
        if same && in_space {
            return match operand.qual() {
                from if from == param.ty => Some(ConversionRank::Exact),
                from => from.keeps_qualifiers(param.ty).then_some(ConversionRank::Conversion),
            };
        }
        if param.ty.is_const && !param.ty.is_volatile && space == AddressSpace::Thread && !(in_memory && same)
        {
            return self.value_rank(operand, param.ty);
        }
        None
    }

    fn value_rank(&mut self, operand: &Operand, to: QualType) -> Option<ConversionRank> {
        if self.is_null_constant(operand) && matches!(self.ty(to.ty), Type::Pointer { .. }) {
            return Some(ConversionRank::Conversion);
        }
        let to = QualType { ty: self.unpacked_type(to.ty), ..to };
        let from = Rvalue {
            // Only the type counts; there is no value yet.
            value: crate::ir::Value(0),
            ty: self.value_type(operand),
            enumeration: operand.enumeration,
            origin: self.origin(operand),
            span: operand.span,
        };
        self.implicit_rank(&from, to)
    }

    /// The best candidate, if it is better than each other one.
    fn best(&mut self, candidates: Vec<Candidate>, name: &str, span: Span) -> Found {
        let best =
            candidates.iter().position(|a| candidates.iter().all(|b| std::ptr::eq(a, b) || is_better(a, b)));
        if let Some(best) = best {
            return Found::Target(candidates[best].target.clone());
        }
        let mut diagnostic = Diagnostic::new(Code::E0312, span, format!("the call of `{name}` is ambiguous"))
            .note("convert an argument explicitly to choose");
        for candidate in candidates.iter().take(4) {
            diagnostic = match &candidate.target {
                Target::Function(index) => {
                    let declared = self.functions.get(*index).decl.name.span;
                    diagnostic.label(declared, format!("candidate: {}", self.describe(*index)))
                }
                Target::Library(_, METAL_FAST) => {
                    diagnostic.note(format!("candidate: `metal::fast::{name}`"))
                }
                Target::Library(_, METAL_PRECISE) => {
                    diagnostic.note(format!("candidate: `metal::precise::{name}`"))
                }
                Target::Library(..) | Target::Unsupported(_) => {
                    diagnostic.note(format!("candidate: `metal::{name}` of the library"))
                }
            };
        }
        Found::Nothing(diagnostic)
    }

    fn no_function(
        &mut self,
        kinds: &[OverloadKind],
        args: &[Argument<'a>],
        name: &str,
        span: Span,
    ) -> Diagnostic {
        let message = format!("no function `{name}` takes ({})", self.display_args(args));
        let mut diagnostic = Diagnostic::new(Code::E0311, span, message);
        for kind in kinds.iter().take(4) {
            let (at, what) = match kind {
                OverloadKind::Library(..) | OverloadKind::Unsupported(..) => continue,
                OverloadKind::Plain(index) => {
                    (self.functions.get(*index).decl.name.span, format!("takes {}", self.describe(*index)))
                }
                OverloadKind::Template(id) => (
                    self.functions.template(*id).decl.name.span,
                    "the template arguments do not follow, or do not fit".into(),
                ),
            };
            diagnostic = diagnostic.label(at, what);
        }
        diagnostic
    }

    /// The types of arguments as messages print them.
    pub(super) fn display_args(&mut self, args: &[Argument<'a>]) -> String {
        let shown: Vec<String> = args
            .iter()
            .map(|arg| match arg {
                Argument::Operand(operand) if matches!(operand.kind, OperandKind::Null) => "nullptr".into(),
                Argument::Operand(operand) => {
                    let ty = self.value_type(operand);
                    self.display_qual(QualType { ty, ..operand.qual().unqualified() })
                }
                Argument::List(_) => "{…}".into(),
            })
            .collect();
        shown.join(", ")
    }

    /// A function's parameters as messages print them.
    fn describe(&self, index: FunctionIndex) -> String {
        let info = self.functions.get(index);
        let params: Vec<String> =
            info.signature.params.iter().map(|param| self.describe_param(param)).collect();
        format!("{}({})", info.name, params.join(", "))
    }

    /// A parameter's type as messages print it.
    pub(super) fn describe_param(&self, param: &Param<'a>) -> String {
        let shown = self.display_qual(param.ty);
        match param.reference {
            None => shown,
            Some(space) => {
                let constness =
                    if param.ty.is_const && space != AddressSpace::Constant { "const " } else { "" };
                format!("{} {constness}{shown} &", space.msl_name())
            }
        }
    }
}

/// Whether each argument converts at least as well and one better; else a plain function beats a template
/// and a more specialised template another one.
fn is_better(a: &Candidate, b: &Candidate) -> bool {
    let not_worse = a.ranks.iter().zip(&b.ranks).all(|(a, b)| a <= b);
    let one_better = a.ranks.iter().zip(&b.ranks).any(|(a, b)| a < b);
    let preferred = match (a.template, b.template) {
        (None, Some(_)) => true,
        (Some(a), Some(b)) => a > b,
        _ => false,
    };
    not_worse && (one_better || preferred)
}
