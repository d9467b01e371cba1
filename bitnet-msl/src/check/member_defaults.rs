//! Default initialisers of members (C++ \[class.mem\]): checked where the struct is defined, evaluated wherever an object
//! gets no other value for the member.
//!
//! **Invariant:** an initialiser means the same wherever it is evaluated: it sees what its definition sees ([`Place`]),
//! and of the object only the values of members in front of its own.

use super::Checker;
use super::list::Missing;
use super::scope::{Decl, Kept, NamespaceId, VarId};
use super::structs::FieldInfo;
use super::types::{QualType, Storage, Variable};
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{Block, LocalId, Op, Stmt, StructId, Type, TypeId, Value};
use crate::source::Span;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// What becomes of a struct that is declared without a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// Some member gets a value, its own or of a struct in it.
    pub(super) any: bool,
    /// Every member gets one; of a union, one that is its own. So const objects need no other.
    pub(super) all: bool,
    /// How much that is: instructions of initialisers, members, and members of members.
    pub(super) count: u32,
}

impl Defaults {
    /// Of what has no members with initialisers.
    pub(super) const NONE: Self = Self { any: false, all: false, count: 1 };
}

/// Where the default initialisers of a struct stand.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    namespace: NamespaceId,
    /// Declarations of namespaces after this one are not visible.
    visible_until: u32,
    /// The blocks of functions and structs around it.
    blocks: Vec<Kept<'a>>,
}

/// A name that the initialisers of a struct see.
#[derive(Clone, Copy, Debug)]
enum Member {
    /// The member of this number.
    Own(usize),
    /// A member of an anonymous struct or union.
    OfAnonymous,
}

/// The variables that stand for the members while the initialisers are checked.
#[derive(Debug)]
struct Stand {
    members: HashMap<VarId, Member>,
    locals: HashSet<LocalId>,
    /// Variables with lower numbers belong to what is around the struct.
    first: usize,
}

/// What is known of an initialiser that is right.
#[derive(Debug)]
struct Checked {
    /// Members that it names, by number.
    uses: Vec<usize>,
    instructions: u32,
}

impl<'a> Checker<'a> {
    /// What becomes of something of a type that is declared without a value. All elements of an array are one.
    pub(super) fn defaults(&self, ty: TypeId) -> Defaults {
        match self.ty(ty) {
            Type::Array { elem, .. } => self.defaults(elem),
            Type::Struct(id) => self.structs.get(&id.0).map_or(Defaults::NONE, |info| info.defaults),
            _ => Defaults::NONE,
        }
    }

    /// The same for a struct of these members.
    pub(super) fn defaults_of(&self, is_union: bool, fields: &[FieldInfo<'a>]) -> Defaults {
        let mut found = Defaults { any: false, all: !is_union, count: 0 };
        for field in fields {
            let inner = self.defaults(field.ty.ty);
            let is_own = field.init.is_some();
            found.any |= is_own || inner.any;
            found.all = if is_union { found.all || is_own } else { found.all && (is_own || inner.all) };
            let count = if is_own { field.instructions.max(1) } else { inner.count };
            found.count = found.count.saturating_add(count);
        }
        found
    }

    /// Whether something without initialiser still gets a value: a struct whose members have defaults.
    pub(super) fn has_default_members(&self, ty: TypeId) -> bool {
        self.defaults(ty).any
    }

    /// Whether objects of a type that have no initialiser have a value all the same, so that they may be const
    /// (C++ \[dcl.init\], const-default-constructible).
    pub(super) fn is_initialised_by_itself(&self, ty: TypeId) -> bool {
        self.defaults(ty).all
    }

    /// A union gets one value where it has no initialiser.
    pub(super) fn check_union_defaults(&mut self, is_union: bool, fields: &[FieldInfo<'a>]) {
        let mut defaults = fields.iter().filter(|field| is_union && field.init.is_some());
        if let (Some(first), Some(second)) = (defaults.next(), defaults.next()) {
            self.report(
                Diagnostic::new(Code::E0316, second.name.span, "a union has one default initialiser at most")
                    .label(first.name.span, "this member has one already"),
            );
        }
    }

    /// Checks the default initialisers of a struct, used or not. They see all members, and what is declared in front of
    /// the end of the struct. One that is wrong is forgotten.
    pub(super) fn check_member_defaults(&mut self, id: StructId) {
        let Some(info) = self.structs.get(&id.0) else { return };
        let inits: Vec<_> =
            info.fields.iter().enumerate().filter_map(|(i, f)| Some((i, f.ty, f.init?))).collect();
        let Some(&(_, _, first)) = inits.first() else { return };
        let names = Rc::clone(&info.members);
        let place = self.keep_place(first.span);
        self.unevaluated(|c| {
            c.scopes.push_members(names);
            c.scopes.push_block();
            let stand = c.declare_members(id);
            for (index, ty, init) in inits {
                let checked = c.unevaluated(|c| c.check_member_default(init, ty, &stand));
                let is_placed = place.is_some();
                let Some(field) = c.structs.get_mut(&id.0).and_then(|info| info.fields.get_mut(index)) else {
                    continue;
                };
                match checked.filter(|_| is_placed) {
                    Some(Checked { uses, instructions }) => {
                        (field.uses, field.instructions) = (uses, instructions)
                    }
                    None => field.init = None,
                }
            }
            c.scopes.pop_block();
            c.scopes.pop_block();
        });
        let Some(info) = self.structs.get(&id.0) else { return };
        let is_union = self.builder.type_table().get_struct(id).is_union;
        let defaults = self.defaults_of(is_union, &info.fields);
        if let Some(info) = self.structs.get_mut(&id.0) {
            (info.place, info.defaults) = (place, defaults);
        }
    }

    /// This place, for initialisers that are evaluated elsewhere.
    fn keep_place(&mut self, span: Span) -> Option<Place<'a>> {
        let variables = &self.variables;
        // Of the variables around it an initialiser uses the values of constants only.
        let blocks = self.scopes.keep_blocks(|id| {
            let variable = variables.get(id.0 as usize)?;
            match variable.storage {
                Storage::Local(_) | Storage::Address(_) => Some(
                    variable.constant.map_or(Decl::Poison, |c| Decl::Constant(c, variable.ty.enumeration)),
                ),
                Storage::Global(_) | Storage::FunctionConstant(_) | Storage::Deferred(_) => None,
            }
        });
        let Some(blocks) = blocks else {
            self.error(
                Code::E0608,
                span,
                "this many default initialisers of structs in functions are not supported",
            );
            return None;
        };
        Some(Place {
            namespace: self.scopes.current_namespace(),
            visible_until: self.scopes.horizon(),
            blocks,
        })
    }

    /// Declares what stands for the members of a struct, those of anonymous members included.
    fn declare_members(&mut self, id: StructId) -> Stand {
        let first = self.variables.len();
        let mut names = Vec::new();
        if let Some(info) = self.structs.get(&id.0) {
            for (index, field) in info.fields.iter().enumerate() {
                match field.name.name.is_empty() {
                    false => names.push((field.name, field.ty, Member::Own(index))),
                    true => self.members_of_anonymous(field.ty.ty, &mut names),
                }
            }
        }
        let mut stand = Stand { members: HashMap::new(), locals: HashSet::new(), first };
        for (name, ty, member) in names {
            let (variable, local) = self.declare_member(name, ty, None);
            stand.members.insert(variable, member);
            stand.locals.insert(local);
        }
        stand
    }

    fn members_of_anonymous(&self, ty: TypeId, names: &mut Vec<(&'a ast::Ident, QualType, Member)>) {
        let Type::Struct(id) = self.ty(ty) else { return };
        let Some(info) = self.structs.get(&id.0) else { return };
        for field in &info.fields {
            match field.name.name.is_empty() {
                false => names.push((field.name, field.ty, Member::OfAnonymous)),
                true => self.members_of_anonymous(field.ty.ty, names),
            }
        }
    }

    /// Checks an initialiser in the place where it stands. `None` if it is wrong.
    fn check_member_default(&mut self, init: &'a ast::Expr, ty: QualType, stand: &Stand) -> Option<Checked> {
        let first = self.builder.function().insts.len();
        self.builder.begin_block();
        let outer = self.named_variables.replace(Vec::new());
        let value = self.initial_value(init, ty, None);
        let named = std::mem::replace(&mut self.named_variables, outer).unwrap_or_default();
        let block = self.builder.end_block();
        let value = value?;
        let mut uses = Vec::new();
        for id in named {
            match stand.members.get(&id).copied() {
                Some(Member::Own(index)) => uses.push(index),
                Some(Member::OfAnonymous) => return self.uses_anonymous(init.span),
                None if (id.0 as usize) < stand.first => self.check_outer_variable(id, init.span)?,
                None => {}
            }
        }
        if self.keeps_place(first, &block, value, &stand.locals) {
            return self.uses_place(init.span);
        }
        uses.sort_unstable();
        uses.dedup();
        let instructions = self.builder.function().insts.len() - first;
        Some(Checked { uses, instructions: u32::try_from(instructions).unwrap_or(u32::MAX) })
    }

    /// Whether what was emitted since a position, with a value in the end, does anything with these variables but
    /// reading them.
    fn keeps_place(&self, first: usize, block: &Block, value: Value, locals: &HashSet<LocalId>) -> bool {
        let mut places = HashSet::new();
        let mut escapes = false;
        for (index, inst) in self.builder.function().insts.iter().enumerate().skip(first) {
            let value = Value(index as u32);
            match inst.op {
                Op::LocalAddr(local) if locals.contains(&local) => {
                    places.insert(value);
                }
                Op::FieldAddr(base, _) | Op::ElementAddr(base, _) if places.contains(&base) => {
                    places.insert(value);
                }
                Op::Load(_) => {}
                ref op => op.for_each_operand(|operand| escapes |= places.contains(&operand)),
            }
        }
        escapes
            || places.contains(&value)
            || block.has_stmt(&mut |stmt| match stmt {
                Stmt::Store { ptr, value, .. } => places.contains(ptr) || places.contains(value),
                _ => false,
            })
    }

    /// A variable of the function around a struct.
    fn check_outer_variable(&mut self, id: VarId, span: Span) -> Option<()> {
        let variable = self.variables[id.0 as usize];
        let is_automatic = matches!(variable.storage, Storage::Local(_) | Storage::Address(_));
        if !is_automatic || variable.constant.is_some() {
            return Some(());
        }
        self.report(
            Diagnostic::new(Code::E0316, span, "this default initialiser uses a variable of the function around its struct")
                .note("of what is around it a local struct uses constants, types and functions only (C++ [class.local])"),
        );
        None
    }

    /// Reports an object that wants the default initialiser of a member while those of its struct are being checked: it
    /// would want itself.
    fn needs_itself<T>(&mut self, member: &ast::Ident, span: Span) -> Option<T> {
        let message = format!("the default initialiser of `{}` is needed within its own struct", member.name);
        self.report(Diagnostic::new(Code::E0316, span, message).label(member.span, "the member").note(
            "give every member a value here: a struct cannot be part of its own default (C++ [class.mem])",
        ));
        None
    }

    fn uses_anonymous<T>(&mut self, span: Span) -> Option<T> {
        let message =
            "default initialisers that use members of anonymous structs and unions are not supported";
        self.error(Code::E0608, span, message);
        None
    }

    fn uses_place<T>(&mut self, span: Span) -> Option<T> {
        self.report(
            Diagnostic::new(
                Code::E0608,
                span,
                "default initialisers that change other members, or refer to them, are not supported",
            )
            .note("use the values of the members, or set this member where the object is made"),
        );
        None
    }

    /// The value of a member that no clause of a list is left for, after those in front of it.
    pub(super) fn missing_member(
        &mut self,
        id: StructId,
        index: usize,
        ty: QualType,
        how: Missing,
        earlier: &[Value],
        span: Span,
    ) -> Option<Value> {
        let found = self.structs.get(&id.0).and_then(|info| {
            let field = info.fields.get(index)?;
            Some((field.name, field.init?, info.place.clone(), Rc::clone(&info.members)))
        });
        let Some((name, init, place, names)) = found else { return self.missing_value(ty, how, span) };
        let Some(place) = place else { return self.needs_itself(name, span) };
        let saved = self.scopes.enter(place.namespace, place.visible_until);
        place.blocks.into_iter().for_each(|block| self.scopes.push_kept(block));
        self.scopes.push_members(names);
        self.scopes.push_block();
        self.declare_used_members(id, index, earlier);
        let value = self.initial_value(init, ty, None);
        self.scopes.leave(saved);
        value.map(|value| self.packed_like(value, ty.ty, span))
    }

    /// Declares a member as the variable that the default initialisers of others see.
    fn declare_member(
        &mut self,
        name: &'a ast::Ident,
        ty: QualType,
        value: Option<Value>,
    ) -> (VarId, LocalId) {
        let local = self.builder.new_local(name.name.clone(), ty.ty, name.span);
        if let Some(value) = value {
            let ptr = self.builder.local_addr(local, name.span);
            self.builder.store(ptr, value, name.span);
        }
        self.variables.push(Variable { ty, storage: Storage::Local(local), constant: None });
        let id = VarId(self.variables.len() as u32 - 1);
        self.scopes.declare(&name.name, Decl::Variable(id), name.span);
        (id, local)
    }

    /// Declares the members that a default initialiser uses, with the values that those in front of it have got.
    fn declare_used_members(&mut self, id: StructId, index: usize, earlier: &[Value]) {
        let Some(info) = self.structs.get(&id.0) else { return };
        let Some(field) = info.fields.get(index) else { return };
        let used = field.uses.iter().filter_map(|&used| {
            let member = info.fields.get(used)?;
            Some((member.name, member.ty, earlier.get(used).copied()))
        });
        for (name, ty, value) in used.collect::<Vec<_>>() {
            // A known value stays one that constant expressions know.
            match value.and_then(|value| self.scalar_constant(value)) {
                Some(constant) => {
                    let decl = Decl::Constant(constant, ty.enumeration);
                    self.scopes.declare(&name.name, decl, name.span);
                }
                None => {
                    self.declare_member(name, ty, value);
                }
            }
        }
    }
}
