//! Functions: signatures, redeclarations, bodies.

use super::Checker;
use super::builder::Facts;
use super::constexpr::returns_somewhere;
use super::defaults::DefaultArgument;
use super::evaluate::Routine;
use super::scope::{Decl, GLOBAL, NamespaceId};
use super::stmt::Flow;
use super::template::{BoundArgument, Template, TemplateId};
use super::types::{QualType, Storage, Variable};
use crate::ast::{self, FunctionStage};
use crate::diag::{Code, Diagnostic};
use crate::ir::{self, AddressSpace, Op, Stmt, Type, TypeId};
use crate::source::Span;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A function of the [`FunctionTable`]. Until the module is put together `ir::FuncId` is this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FunctionIndex(pub(super) u32);

/// All functions of one name in one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SetId(u32);

/// One function or template of a set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overload {
    pub(super) kind: OverloadKind,
    /// Position among all declarations.
    pub(super) order: u32,
}

/// What an overload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OverloadKind {
    Plain(FunctionIndex),
    Template(TemplateId),
    /// The library's functions of this name, in one of its namespaces.
    Library(NamespaceId, &'static str),
    /// A function of the library that is not supported, and the type of its parameter.
    Unsupported(&'static str, &'static str),
}

/// The functions of one name that a namespace declares, or that a look-up found in several.
#[derive(Debug)]
enum FunctionSet {
    Declared(Vec<Overload>),
    Union(Vec<SetId>),
}

/// A parameter.
#[derive(Clone, Debug)]
pub(super) struct Param<'a> {
    pub(super) name: Option<&'a ast::Ident>,
    pub(super) ty: QualType,
    /// `T &`: the address space of the referent.
    pub(super) reference: Option<AddressSpace>,
    pub(super) span: Span,
    pub(super) default: Option<DefaultArgument<'a>>,
}

/// What a function takes and gives.
#[derive(Clone, Debug)]
pub(super) struct Signature<'a> {
    pub(super) ret: QualType,
    pub(super) ret_reference: Option<AddressSpace>,
    pub(super) params: Vec<Param<'a>>,
}

/// Who asked for an instance of a template.
#[derive(Clone, Copy, Debug)]
pub(super) struct Required {
    pub(super) span: Span,
    /// The function around it.
    pub(super) by: Option<FunctionIndex>,
    /// How many instances lie on the way.
    pub(super) depth: u32,
}

/// How far the body of a function has come.
#[derive(Debug)]
pub(super) enum Body {
    /// Only a prototype so far.
    None,
    /// Waits in the queue, or is an instance that nobody called yet.
    Pending,
    /// Being lowered.
    Lowering,
    /// Lowered. Shared while a constant expression runs it.
    Done(Rc<ir::Function>),
}

/// A function: plain, or an instance of a template.
#[derive(Debug)]
pub(super) struct FunctionInfo<'a> {
    /// `f`, `f<float, 4>`.
    pub(super) name: String,
    pub(super) decl: &'a ast::FunctionDecl,
    /// `static` in its first declaration.
    pub(super) is_static: bool,
    pub(super) signature: Rc<Signature<'a>>,
    pub(super) namespace: NamespaceId,
    /// Declarations that the body of an instance sees.
    pub(super) visible_until: u32,
    /// Template arguments of an instance.
    pub(super) bindings: Rc<Vec<(&'a str, BoundArgument)>>,
    pub(super) body: Body,
    /// Of a `constexpr` function that has been lowered: what constant expressions run.
    pub(super) routine: Option<(Rc<Routine>, Rc<Facts>)>,
    pub(super) is_queued: bool,
    pub(super) required: Option<Required>,
    /// Where it is called first.
    pub(super) called_at: Option<Span>,
}

/// Every function and template of the file.
#[derive(Debug, Default)]
pub(super) struct FunctionTable<'a> {
    infos: Vec<FunctionInfo<'a>>,
    sets: Vec<FunctionSet>,
    /// The sets of functions of the library.
    library: HashMap<OverloadKind, SetId>,
    /// The sets that are unions of others.
    unions: HashMap<Vec<SetId>, SetId>,
    templates: Vec<Template<'a>>,
}

impl<'a> FunctionTable<'a> {
    pub(super) fn get(&self, index: FunctionIndex) -> &FunctionInfo<'a> {
        &self.infos[index.0 as usize]
    }

    pub(super) fn get_mut(&mut self, index: FunctionIndex) -> &mut FunctionInfo<'a> {
        &mut self.infos[index.0 as usize]
    }

    pub(super) fn infos(&self) -> &[FunctionInfo<'a>] {
        &self.infos
    }

    pub(super) fn into_infos(self) -> Vec<FunctionInfo<'a>> {
        self.infos
    }

    pub(super) fn add(&mut self, info: FunctionInfo<'a>) -> FunctionIndex {
        self.infos.push(info);
        FunctionIndex(self.infos.len() as u32 - 1)
    }

    /// The functions of a set, each once.
    pub(super) fn set(&self, set: SetId) -> Vec<Overload> {
        match &self.sets[set.0 as usize] {
            FunctionSet::Declared(overloads) => overloads.clone(),
            FunctionSet::Union(sets) => {
                let mut seen = HashSet::new();
                let all = sets.iter().flat_map(|&set| self.set(set));
                all.filter(|overload| seen.insert(overload.kind)).collect()
            }
        }
    }

    /// The name that the functions of a set share.
    pub(super) fn set_name(&self, set: SetId) -> String {
        let name = |kind| match kind {
            OverloadKind::Plain(index) => self.get(index).decl.name.name.clone(),
            OverloadKind::Template(id) => self.template(id).decl.name.name.clone(),
            OverloadKind::Library(_, name) | OverloadKind::Unsupported(name, _) => name.to_owned(),
        };
        self.set(set).first().map_or_else(String::new, |overload| name(overload.kind))
    }

    pub(super) fn add_set(&mut self) -> SetId {
        self.sets.push(FunctionSet::Declared(Vec::new()));
        SetId(self.sets.len() as u32 - 1)
    }

    /// The set of one function of the library.
    pub(super) fn library_set(&mut self, kind: OverloadKind) -> SetId {
        if let Some(&set) = self.library.get(&kind) {
            return set;
        }
        self.sets.push(FunctionSet::Declared(vec![Overload { kind, order: 0 }]));
        let set = SetId(self.sets.len() as u32 - 1);
        self.library.insert(kind, set);
        set
    }

    /// The functions of all these sets. `None` if there is no set.
    pub(super) fn union(&mut self, sets: Vec<SetId>) -> Option<SetId> {
        if let [] | [_] = sets[..] {
            return sets.first().copied();
        }
        if let Some(&set) = self.unions.get(&sets) {
            return Some(set);
        }
        self.sets.push(FunctionSet::Union(sets.clone()));
        let set = SetId(self.sets.len() as u32 - 1);
        self.unions.insert(sets, set);
        Some(set)
    }

    /// Adds a function to a set that a namespace or block declares.
    pub(super) fn add_overload(&mut self, set: SetId, overload: Overload) {
        if let FunctionSet::Declared(overloads) = &mut self.sets[set.0 as usize] {
            overloads.push(overload);
        }
    }

    pub(super) fn template(&self, id: TemplateId) -> &Template<'a> {
        &self.templates[id.0 as usize]
    }

    pub(super) fn template_mut(&mut self, id: TemplateId) -> &mut Template<'a> {
        &mut self.templates[id.0 as usize]
    }

    pub(super) fn add_template(&mut self, template: Template<'a>) -> TemplateId {
        self.templates.push(template);
        TemplateId(self.templates.len() as u32 - 1)
    }
}

/// The function whose body is being lowered.
#[derive(Debug, Default)]
pub(super) struct FunctionContext {
    pub(super) function: Option<FunctionIndex>,
    pub(super) is_kernel: bool,
    /// Result type and, for references, the address space of the referent.
    pub(super) ret: Option<(QualType, Option<AddressSpace>)>,
    /// Loops and switches around the statement, innermost last.
    pub(super) targets: Vec<super::stmt::Target>,
}

impl<'a> Checker<'a> {
    /// A function at namespace scope: prototype or definition.
    pub(super) fn function_item(&mut self, decl: &'a ast::FunctionDecl) {
        if decl.stage == FunctionStage::Graphics {
            self.error(Code::E0605, decl.name.span, format!("`{}` is a graphics function", decl.name.name));
            self.poison(&decl.name);
            return;
        }
        self.check_not_main(&decl.name);
        self.check_param_names(decl);
        let Some(mut signature) = self.signature(decl) else {
            self.poison(&decl.name);
            self.check_body_alone(decl);
            return;
        };
        self.check_defaults(&mut signature);
        let Some(index) = self.declare_function(decl, Rc::new(signature)) else { return };
        if decl.stage == FunctionStage::Kernel {
            self.check_kernel_result(decl, index);
        }
        self.check_function_attributes(decl);
        if decl.body.is_some() {
            let errors = self.errors;
            self.lower_body(index);
            if self.errors == errors {
                self.check_constexpr_function(decl, index);
            }
            if decl.stage == FunctionStage::Kernel {
                self.register_kernel(index, &decl.attrs, decl.name.span);
            }
        }
    }

    /// A name whose declaration was wrong; uses of it say nothing more. Functions of the name stay.
    pub(super) fn poison(&mut self, name: &'a ast::Ident) {
        if self.scopes.innermost(&name.name).is_none() {
            self.scopes.declare(&name.name, Decl::Poison, name.span);
        }
    }

    /// The names of a declaration that the parser has refused.
    pub(super) fn poison_all(&mut self, names: &'a [ast::Ident]) {
        names.iter().for_each(|name| self.poison(name));
    }

    /// What a function takes and gives, with the names visible here.
    pub(super) fn signature(&mut self, decl: &'a ast::FunctionDecl) -> Option<Signature<'a>> {
        let params: Vec<Option<Param<'a>>> =
            decl.params.iter().map(|param| self.param(param, decl.stage)).collect();
        let ret = self.declared_type(&decl.ret);
        let params: Option<Vec<Param<'a>>> = params.into_iter().collect();
        let (params, ret) = (params?, ret?);
        let is_void = |ty: &Param<'a>| ty.reference.is_none();
        if let Some(param) = params.iter().find(|p| is_void(p) && self.ty(p.ty.ty) == Type::Void) {
            self.error(Code::E0320, param.span, "a parameter cannot be void");
            return None;
        }
        if matches!(self.ty(ret.ty.ty), Type::Array { .. }) && ret.reference.is_none() {
            self.error(Code::E0320, decl.ret.span, "a function cannot return an array");
            return None;
        }
        if let Some((_, space)) = ret.space {
            self.error(Code::E0406, space, "a returned value lies in no address space");
            return None;
        }
        Some(Signature {
            ret: ret.ty.unqualified_unless(ret.reference.is_some()),
            ret_reference: ret.reference,
            params,
        })
    }

    pub(super) fn param(&mut self, param: &'a ast::ParamDecl, stage: FunctionStage) -> Option<Param<'a>> {
        let declared = match &param.ty.kind {
            ast::TypeExprKind::Array(elem, len) => {
                // The outermost bound of an array parameter is not part of its type.
                if let Some(len) = len {
                    self.array_len(len)?;
                }
                self.decayed(elem)?
            }
            _ => self.declared_type(&param.ty)?,
        };
        if let Some((space, at)) = declared.space {
            let is_default = space == AddressSpace::Thread && stage == FunctionStage::Helper;
            if !is_default {
                let shown = self.display(declared.ty.ty);
                let name = space.msl_name();
                let diagnostic = Diagnostic::new(
                    Code::E0406,
                    at,
                    format!("a parameter passed by value cannot lie in {name} memory"),
                )
                .note(format!(
                    "pass a reference or pointer: `{name} {shown} &` or `{name} {shown} *` [MSL 4]"
                ));
                self.report(diagnostic);
                return None;
            }
        }
        Some(Param {
            name: param.name.as_ref(),
            ty: declared.ty,
            reference: declared.reference,
            span: param.span,
            default: param.default.as_ref().map(|expr| DefaultArgument::new(expr, self.scopes.horizon())),
        })
    }

    /// `space T name[n]` as a parameter: a pointer. Unlike for `*` the thread's own memory is meant where no
    /// address space is named.
    fn decayed(&mut self, elem: &'a ast::TypeExpr) -> Option<super::types::Declared> {
        let inner = self.declared_type(elem)?;
        let space = inner.space.map_or(AddressSpace::Thread, |(space, _)| space);
        let ty = self.pointer_to(space, inner.ty);
        Some(super::types::Declared::plain(ty))
    }

    /// Adds a function to the overloads of its name, or finds the prototype it repeats.
    fn declare_function(
        &mut self,
        decl: &'a ast::FunctionDecl,
        signature: Rc<Signature<'a>>,
    ) -> Option<FunctionIndex> {
        let set = self.overload_set(&decl.name)?;
        if let Some(earlier) = self.same_function(set, &signature) {
            if self.functions.get(earlier).namespace != self.scopes.current_namespace() {
                self.declared_twice(&decl.name, self.functions.get(earlier).decl.name.span);
                return None;
            }
            return self.redeclare(earlier, decl, signature);
        }
        self.check_defaults_complete(&signature);
        let is_kernel = decl.stage == FunctionStage::Kernel;
        let plain = self.functions.set(set).iter().find_map(|overload| match overload.kind {
            OverloadKind::Plain(index) => Some(index),
            _ => None,
        });
        if let Some(other) = plain {
            let other_decl = self.functions.get(other).decl;
            if is_kernel || other_decl.stage == FunctionStage::Kernel {
                self.report(
                    Diagnostic::new(
                        Code::E0510,
                        decl.name.span,
                        format!("kernel `{}` is overloaded", decl.name.name),
                    )
                    .label(other_decl.name.span, "first declared here")
                    .note("hosts find kernels by name [MSL 5.1]"),
                );
            }
        }
        let order = self.scopes.take_order();
        let index = self.functions.add(FunctionInfo {
            name: decl.name.name.clone(),
            decl,
            is_static: decl.is_static,
            signature,
            namespace: self.scopes.current_namespace(),
            visible_until: u32::MAX,
            bindings: Rc::default(),
            body: Body::None,
            routine: None,
            is_queued: false,
            required: None,
            called_at: None,
        });
        self.functions.add_overload(set, Overload { kind: OverloadKind::Plain(index), order });
        Some(index)
    }

    /// The overloads of a name in the current namespace, made on first use.
    fn overload_set(&mut self, name: &'a ast::Ident) -> Option<SetId> {
        match self.scopes.innermost(&name.name).map(|binding| (binding.decl, binding.span)) {
            Some((Decl::Functions(set), _)) => Some(set),
            None if self.is_global_library_type(&name.name) => {
                self.declared_by_library(name);
                self.scopes.declare(&name.name, Decl::Poison, name.span);
                None
            }
            Some((Decl::Poison, _)) | None => {
                let set = self.functions.add_set();
                self.scopes.declare(&name.name, Decl::Functions(set), name.span);
                Some(set)
            }
            Some((_, earlier)) => {
                self.declared_twice(name, earlier);
                None
            }
        }
    }

    /// Adds a function template to the overloads of its name.
    pub(super) fn declare_template(&mut self, name: &'a ast::Ident, mut template: Template<'a>) {
        let Some(set) = self.overload_set(name) else { return };
        let order = self.scopes.take_order();
        template.order = order;
        let id = self.functions.add_template(template);
        self.functions.add_overload(set, Overload { kind: OverloadKind::Template(id), order });
    }

    fn same_function(&self, set: SetId, signature: &Signature<'a>) -> Option<FunctionIndex> {
        self.functions.set(set).iter().find_map(|overload| match overload.kind {
            OverloadKind::Plain(index) => {
                same_params(&self.functions.get(index).signature, signature).then_some(index)
            }
            _ => None,
        })
    }

    fn redeclare(
        &mut self,
        earlier: FunctionIndex,
        decl: &'a ast::FunctionDecl,
        signature: Rc<Signature<'a>>,
    ) -> Option<FunctionIndex> {
        let info = self.functions.get(earlier);
        let (first, has_body) = (info.decl, !matches!(info.body, Body::None));
        let disagreement = disagreement(info, decl, &signature);
        let name = &decl.name.name;
        if has_body && decl.body.is_some() {
            self.report(
                Diagnostic::new(Code::E0204, decl.name.span, format!("`{name}` is defined twice"))
                    .label(first.name.span, "first defined here"),
            );
            return None;
        }
        if let Some(how) = disagreement {
            self.report(
                Diagnostic::new(Code::E0211, decl.name.span, format!("declarations of `{name}` disagree"))
                    .at(how)
                    .label(first.name.span, "first declared here"),
            );
            return None;
        }
        let earlier_signature = Rc::clone(&info.signature);
        let mut merged = (*signature).clone();
        self.merge_defaults(&earlier_signature, &mut merged);
        self.check_defaults_complete(&merged);
        let info = self.functions.get_mut(earlier);
        info.signature = Rc::new(merged);
        if decl.body.is_some() {
            info.decl = decl;
        }
        Some(earlier)
    }

    /// Checks that a function or variable is not called like the function that a program starts with
    /// (C++ \[basic.start.main\]).
    pub(super) fn check_not_main(&mut self, name: &ast::Ident) {
        if name.name != "main" || self.scopes.current_namespace() != GLOBAL {
            return;
        }
        self.report(
            Diagnostic::new(Code::E0216, name.span, "nothing outside of namespaces can be called `main`")
                .note("C++ keeps the name for the function that a program starts with; use another name"),
        );
    }

    /// Checks that the parameters of a declaration have different names.
    pub(super) fn check_param_names(&mut self, decl: &'a ast::FunctionDecl) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for name in decl.params.iter().filter_map(|param| param.name.as_ref()) {
            if let Some(&first) = seen.get(name.name.as_str()) {
                self.declared_twice(name, first);
            } else {
                seen.insert(&name.name, name.span);
            }
        }
    }

    /// Lowers the body of a function where it stands, or of an instance from the queue.
    pub(super) fn lower_body(&mut self, index: FunctionIndex) {
        let info = self.functions.get(index);
        let (decl, signature, bindings) = (info.decl, Rc::clone(&info.signature), Rc::clone(&info.bindings));
        let (name, namespace, visible_until) = (info.name.clone(), info.namespace, info.visible_until);
        let Some(body) = &decl.body else { return };
        self.functions.get_mut(index).body = Body::Lowering;
        let place = self.scopes.enter(namespace, visible_until);
        let context = FunctionContext {
            function: Some(index),
            is_kernel: decl.stage == FunctionStage::Kernel,
            ret: Some((signature.ret, signature.ret_reference)),
            targets: Vec::new(),
        };
        let outer = std::mem::replace(&mut self.context, context);
        self.bind_template_arguments(&bindings);
        let params: Vec<TypeId> = signature.params.iter().map(|param| self.param_type(param)).collect();
        let ret = self.result_type(&signature);
        let suspended = self.builder.begin_function(name, params, ret, decl.name.span);
        self.scopes.push_block();
        for (position, param) in signature.params.iter().enumerate() {
            self.declare_param(position, param);
        }
        let flow = self.statements(&body.stmts);
        self.end_of_function(decl, &signature, flow, body.span.end());
        self.scopes.pop_block();
        let facts = std::mem::take(self.builder.facts());
        let function = self.builder.finish_function(suspended);
        self.context = outer;
        self.scopes.leave(place);
        let info = self.functions.get_mut(index);
        if decl.is_constexpr {
            let routine = Routine::new(&function.body.0, &function.insts);
            info.routine = Some((Rc::new(routine), Rc::new(facts)));
        }
        info.body = Body::Done(Rc::new(function));
    }

    /// Checks the body of a function whose signature is wrong, so that one run finds all there is to find.
    fn check_body_alone(&mut self, decl: &'a ast::FunctionDecl) {
        let Some(body) = &decl.body else { return };
        let params: Vec<Option<Param<'a>>> =
            decl.params.iter().map(|param| self.quietly(|c| c.param(param, decl.stage))).collect();
        let ret = self.quietly(|c| c.declared_type(&decl.ret)).map(|ret| (ret.ty, ret.reference));
        let is_kernel = decl.stage == FunctionStage::Kernel;
        let context = FunctionContext { is_kernel, ret, ..FunctionContext::default() };
        let outer = std::mem::replace(&mut self.context, context);
        let void = self.builder.void_type();
        let suspended = self.builder.begin_function(decl.name.name.clone(), Vec::new(), void, decl.name.span);
        self.scopes.push_block();
        for (position, (param, written)) in params.iter().zip(&decl.params).enumerate() {
            match (param, &written.name) {
                (Some(param), _) => self.declare_param(position, param),
                (None, Some(name)) => self.poison(name),
                (None, None) => {}
            }
        }
        self.statements(&body.stmts);
        self.scopes.pop_block();
        self.builder.finish_function(suspended);
        self.context = outer;
    }

    /// The type by which the IR passes a parameter.
    pub(super) fn param_type(&mut self, param: &Param<'a>) -> TypeId {
        match param.reference {
            Some(space) => self.builder.pointer_type(space, param.ty.ty, param.ty.is_const),
            None => param.ty.ty,
        }
    }

    /// The type by which the IR returns a result.
    pub(super) fn result_type(&mut self, signature: &Signature<'a>) -> TypeId {
        match signature.ret_reference {
            Some(space) => self.builder.pointer_type(space, signature.ret.ty, signature.ret.is_const),
            None => signature.ret.ty,
        }
    }

    fn declare_param(&mut self, position: usize, param: &Param<'a>) {
        let Some(name) = param.name else { return };
        let ty = self.param_type(param);
        let value = self.builder.emit(Op::Param(position as u32), ty, name.span);
        let storage = if param.reference.is_some() {
            Storage::Address(value)
        } else {
            let local = self.builder.new_local(name.name.clone(), ty, name.span);
            let ptr = self.builder.local_addr(local, name.span);
            self.builder.store(ptr, value, name.span);
            Storage::Local(local)
        };
        // Two parameters of one name have been reported with the signature.
        self.scopes.declare(&name.name, Decl::Poison, name.span);
        self.declare_variable(name, Variable { ty: param.ty, storage, constant: None });
    }

    /// What happens where control reaches the closing brace.
    fn end_of_function(
        &mut self,
        decl: &ast::FunctionDecl,
        signature: &Signature<'a>,
        flow: Flow,
        end: Span,
    ) {
        let ty = self.result_type(signature);
        if flow == Flow::Ends || self.ty(ty) == Type::Void {
            return;
        }
        if decl.is_constexpr && !returns_somewhere(decl) {
            return self.no_return(decl);
        }
        let shown = self.display(ty);
        self.report(
            Diagnostic::new(
                Code::E0318,
                decl.name.span,
                format!("`{}` may end without returning a value", decl.name.name),
            )
            .at(format!("returns `{shown}`")),
        );
        let value = self.builder.zero(ty, end);
        self.builder.facts().missing_result = Some(value);
        self.builder.push_stmt(Stmt::Return(Some(value), end));
    }

    /// Lowers instances until none is waiting.
    pub(super) fn drain_queue(&mut self) {
        while let Some(index) = self.queue.pop_front() {
            // A constant expression may have needed the body already.
            let is_pending = matches!(self.functions.get(index).body, Body::Pending);
            if is_pending && !self.diagnostics.is_full() {
                self.lower_body(index);
            }
        }
    }

    /// Reports functions that are called but have no body.
    pub(super) fn check_undefined_functions(&mut self) {
        let missing: Vec<_> = self
            .functions
            .infos()
            .iter()
            .filter(|info| matches!(info.body, Body::None))
            .filter_map(|info| info.called_at.map(|at| (at, info.name.clone(), info.decl.name.span)))
            .collect();
        for (at, name, declared) in missing {
            self.report(
                Diagnostic::new(Code::E0207, at, format!("`{name}` is called but not defined"))
                    .label(declared, "declared here"),
            );
        }
    }
}

/// How a declaration of a function differs from an earlier one, if it does.
fn disagreement(
    info: &FunctionInfo<'_>,
    decl: &ast::FunctionDecl,
    signature: &Signature<'_>,
) -> Option<&'static str> {
    if info.signature.ret != signature.ret || info.signature.ret_reference != signature.ret_reference {
        Some("returns another type")
    } else if info.decl.stage != decl.stage {
        Some("only one of them is a kernel")
    } else if info.decl.is_constexpr != decl.is_constexpr {
        Some("only one of them is `constexpr`")
    } else if decl.is_static && !info.is_static {
        Some("`static`, which the first one is not")
    } else {
        None
    }
}

/// Whether two functions have the same parameters, so that they are one.
pub(super) fn same_params(a: &Signature<'_>, b: &Signature<'_>) -> bool {
    let same = |x: &Param<'_>, y: &Param<'_>| {
        // Constness of a value parameter is not part of the type.
        let (x_ty, y_ty) = match x.reference {
            Some(_) => (x.ty, y.ty),
            None => (x.ty.unqualified(), y.ty.unqualified()),
        };
        x.reference == y.reference && x_ty == y_ty
    };
    a.params.len() == b.params.len() && a.params.iter().zip(&b.params).all(|(x, y)| same(x, y))
}
