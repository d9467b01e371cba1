//! What stands in front of the declared names: qualifiers, storage, attributes and the type itself.

use super::attributes::{stage_of, take_stage};
use super::names::Class;
use super::{Parsed, Parser};
use crate::ast::{
    Attr, FunctionStage, Ident, Item, ItemKind, Path, PathSegment, Quals, SpaceKeyword, Tag, TypeExpr,
    TypeExprKind,
};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::{Punct, TokenKind};
use crate::parse::vocabulary;
use crate::source::Span;

/// The specifiers of a declaration.
#[derive(Debug)]
pub(super) struct Specifiers {
    pub(super) start: Span,
    pub(super) base: TypeExpr,
    pub(super) attrs: Vec<Attr>,
    pub(super) stage: FunctionStage,
    pub(super) storage: Storage,
    /// `struct S` without a body: perhaps a forward declaration.
    pub(super) elaborated: Option<Elaborated>,
    /// The words do not go together, which has been reported.
    pub(super) is_wrong: bool,
}

/// Storage and linkage words.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Storage {
    pub(super) is_constexpr: bool,
    pub(super) is_static: bool,
    pub(super) is_extern: bool,
    /// Where `inline` stands.
    pub(super) inline: Option<Span>,
    /// Where the first of them stands, `inline` included.
    pub(super) place: Option<Span>,
}

/// `struct S`, `union S` or `enum S` without a body.
#[derive(Clone, Debug)]
pub(super) struct Elaborated {
    pub(super) name: Ident,
    pub(super) tag: Tag,
}

/// Specifiers as they are gathered.
#[derive(Default)]
struct Gathered {
    quals: Quals,
    storage: Storage,
    attrs: Vec<Attr>,
    stage: Option<FunctionStage>,
    integer: IntegerWords,
    ty: Option<(TypeExprKind, Span)>,
    elaborated: Option<Elaborated>,
    is_wrong: bool,
}

impl Gathered {
    /// Whether a word such as `kernel` can come: there is none yet, and no type that it would follow.
    fn may_have_stage(&self) -> bool {
        self.stage.is_none() && self.ty.is_none() && self.integer.place.is_none()
    }
}

/// The words of a built-in integer type, in any order.
#[derive(Default)]
struct IntegerWords {
    place: Option<Span>,
    signed: bool,
    unsigned: bool,
    is_int: bool,
    is_char: bool,
    is_short: bool,
    longs: usize,
}

impl IntegerWords {
    fn add(&mut self, word: &str) {
        match word {
            "signed" => self.signed = true,
            "unsigned" => self.unsigned = true,
            "int" => self.is_int = true,
            "char" => self.is_char = true,
            "short" => self.is_short = true,
            "long" => self.longs += 1,
            _ => {}
        }
    }

    /// The word before that another one does not go with. `short` and the signs may be repeated (C++ \[dcl.type\]).
    fn conflict(&self, word: &str) -> Option<&'static str> {
        let excluded: &[(bool, &str)] = match word {
            "signed" => &[(self.unsigned, "unsigned")],
            "unsigned" => &[(self.signed, "signed")],
            "int" => &[(self.is_int, "int"), (self.is_char, "char")],
            "char" => &[
                (self.is_char, "char"),
                (self.is_int, "int"),
                (self.is_short, "short"),
                (self.longs > 0, "long"),
            ],
            "short" => &[(self.is_char, "char"), (self.longs > 0, "long")],
            "long" => &[(self.is_char, "char"), (self.is_short, "short")],
            _ => &[],
        };
        excluded.iter().find(|(is_there, _)| *is_there).map(|(_, before)| *before)
    }

    /// MSL's name of the type.
    fn name(&self) -> &'static str {
        match (self.is_char, self.is_short, self.longs > 0, self.unsigned) {
            (true, _, _, false) => "char",
            (true, _, _, true) => "uchar",
            (_, true, _, false) => "short",
            (_, true, _, true) => "ushort",
            (_, _, true, false) => "long",
            (_, _, true, true) => "ulong",
            (.., false) => "int",
            (.., true) => "uint",
        }
    }
}

/// A type that is one name.
pub(super) fn named(name: Ident) -> TypeExprKind {
    let span = name.span;
    let segments = vec![PathSegment { name, args: None }];
    TypeExprKind::Named(Path { span, tag: None, global: false, segments })
}

/// A built-in integer type, by MSL's name: the program may have another thing of that name.
fn integer_type(name: &str, span: Span) -> TypeExprKind {
    let segments = vec![PathSegment { name: Ident { name: name.into(), span }, args: None }];
    TypeExprKind::Named(Path { span, tag: None, global: name.starts_with('u'), segments })
}

impl Parser<'_> {
    /// Parses specifiers. One of them must be a type.
    pub(super) fn specifiers(&mut self) -> Parsed<Specifiers> {
        let start = self.span();
        let mut gathered = Gathered::default();
        while self.specifier(&mut gathered)? {}
        if let Some(place) = gathered.integer.place {
            gathered.ty = Some((integer_type(gathered.integer.name(), place), place));
        }
        let Gathered { quals, storage, mut attrs, stage, ty, elaborated, is_wrong, .. } = gathered;
        let attribute_stage = take_stage(&mut attrs);
        let stage = stage.or(attribute_stage);
        let (kind, _) = match ty {
            Some(ty) => ty,
            None => (self.missing_type(stage, storage)?, self.span()),
        };
        let base = TypeExpr { span: self.since(start), quals, kind };
        let stage = stage.unwrap_or(FunctionStage::Helper);
        Ok(Specifiers { start, base, attrs, stage, storage, elaborated, is_wrong })
    }

    /// Consumes one specifier. False if none comes next.
    fn specifier(&mut self, gathered: &mut Gathered) -> Parsed<bool> {
        if self.at_attributes() {
            self.attributes(&mut gathered.attrs)?;
            return Ok(true);
        }
        if self.at_gnu_attribute() {
            self.gnu_attribute()?;
            return Ok(true);
        }
        let word = self.word();
        if let Some(word) = word {
            self.refuse_specifier(word)?;
            if self.qualifier(&mut gathered.quals) || self.storage_word(word, &mut gathered.storage) {
                return Ok(true);
            }
            if gathered.may_have_stage() && vocabulary::is_keyword(word) {
                gathered.stage = stage_of(word);
                if gathered.stage.is_some() {
                    self.bump();
                    return Ok(true);
                }
            }
            if vocabulary::is_integer_word(word) && gathered.ty.is_none() {
                gathered.is_wrong |= !self.integer_word(word, &mut gathered.integer);
                return Ok(true);
            }
        }
        if gathered.ty.is_some() || gathered.integer.place.is_some() {
            return Ok(false);
        }
        gathered.ty = self.type_specifier(&mut gathered.elaborated)?;
        Ok(gathered.ty.is_some())
    }

    /// Consumes a word of an integer type. False if it does not go with those before.
    fn integer_word(&mut self, word: &str, integer: &mut IntegerWords) -> bool {
        let conflict = integer.conflict(word);
        if let Some(before) = conflict {
            let message = format!("`{word}` does not go with `{before}` before it");
            self.report(
                Diagnostic::new(Code::E0201, self.span(), message)
                    .note("an integer type is `char`, `short`, `int` or `long`, with `signed` or `unsigned`"),
            );
        }
        integer.add(word);
        let place = integer.place.get_or_insert(self.span());
        *place = place.to(self.tokens.get(self.here.index).map_or(*place, |t| t.span));
        if integer.longs == 2 {
            self.report(
                Diagnostic::new(Code::E0607, self.span(), "MSL has no type `long long`")
                    .note("`long` has 64 bits"),
            );
        }
        self.bump();
        conflict.is_none()
    }

    /// Consumes one qualifier. False if none comes next.
    pub(super) fn qualifier(&mut self, quals: &mut Quals) -> bool {
        let span = self.span();
        let space = match self.word() {
            Some("const") => {
                quals.is_const = true;
                None
            }
            Some("volatile") => {
                quals.is_volatile = true;
                None
            }
            Some("coherent") if self.is_coherent_qualifier() => {
                quals.is_coherent = true;
                if self.punct_at(self.ahead(1)) == Some(Punct::OpenParen) {
                    self.bump();
                    self.skip_group();
                    return true;
                }
                None
            }
            Some("restrict" | "__restrict" | "__restrict__") => None,
            Some("device") => Some(SpaceKeyword::Device),
            Some("constant") => Some(SpaceKeyword::Constant),
            Some("threadgroup") => Some(SpaceKeyword::Threadgroup),
            Some("thread") => Some(SpaceKeyword::Thread),
            Some("threadgroup_imageblock") => Some(SpaceKeyword::Unsupported),
            Some("ray_data" | "object_data") if self.word_at(self.ahead(1)).is_some() => {
                Some(SpaceKeyword::Unsupported)
            }
            _ => return false,
        };
        if let Some(space) = space {
            if let Some((before, place)) = quals.space
                && before != space
            {
                let message = "a type has one address space, but a second one follows";
                self.report(Diagnostic::new(Code::E0201, span, message).label(place, "the first one"));
            }
            quals.space.get_or_insert((space, span));
        }
        self.bump();
        true
    }

    fn is_coherent_qualifier(&self) -> bool {
        match self.kind_at(self.ahead(1)) {
            TokenKind::Ident(_) => true,
            TokenKind::Punct(Punct::OpenParen) => {
                matches!(self.word_at(self.ahead(2)), Some("device" | "system"))
            }
            _ => false,
        }
    }

    fn storage_word(&mut self, word: &str, storage: &mut Storage) -> bool {
        let span = self.span();
        match word {
            "static" => storage.is_static = true,
            "constexpr" => storage.is_constexpr = true,
            "extern" => storage.is_extern = true,
            "inline" | "__inline__" | "__inline" => storage.inline = Some(span),
            _ => return false,
        }
        if storage.is_static && storage.is_extern && matches!(word, "static" | "extern") {
            self.syntax_error(span, "a declaration is `static` or `extern`, not both");
        }
        storage.place.get_or_insert(self.span());
        self.bump();
        true
    }

    /// Reports specifiers of C++ that are not taken.
    fn refuse_specifier(&mut self, word: &str) -> Parsed<()> {
        let span = self.span();
        match word {
            "virtual" => Err(self.unavailable(span, "virtual functions")),
            "thread_local" => Err(self.unavailable(span, "`thread_local`; locals belong to a thread anyway")),
            "register" => Err(self.unavailable(span, "`register` variables")),
            "asm" | "__asm__" => Err(self.unavailable(span, "assembler")),
            "friend" | "explicit" | "mutable" | "alignas" => {
                Err(self.unsupported(span, &format!("`{word}` is")))
            }
            _ => Ok(()),
        }
    }

    /// Parses a type specifier that is not made of integer words, if one comes next.
    fn type_specifier(
        &mut self,
        elaborated: &mut Option<Elaborated>,
    ) -> Parsed<Option<(TypeExprKind, Span)>> {
        let start = self.span();
        let kind = match self.word() {
            Some("auto") => {
                self.bump();
                TypeExprKind::Auto
            }
            Some("decltype") => self.decltype()?,
            Some("struct" | "class" | "union") => self.struct_specifier(elaborated)?,
            Some("enum") => self.enum_specifier(elaborated)?,
            Some("typename") => {
                self.bump();
                let (path, _) = self.path()?;
                if path.segments.len() == 1 && !path.global {
                    let message =
                        format!("`typename` before `{}`, which has no `::`", path.segments[0].name.name);
                    self.report(Diagnostic::new(Code::E0201, path.span, message).note(
                        "`typename` says that a name like `T::type` is one of a type; leave it out here",
                    ));
                }
                TypeExprKind::Named(path)
            }
            Some(word) if vocabulary::is_keyword(word) => return Ok(None),
            Some(_) => match self.named_type()? {
                Some(kind) => kind,
                None => return Ok(None),
            },
            None if self.at(Punct::ColonColon) => TypeExprKind::Named(self.path()?.0),
            None => return Ok(None),
        };
        Ok(Some((kind, self.since(start))))
    }

    /// Parses a name that stands where a type is needed, if it can be one.
    fn named_type(&mut self) -> Parsed<Option<TypeExprKind>> {
        let class = self.word().map_or(Class::Unknown, |w| self.names.lookup(w));
        let is_type = match class {
            Class::Type | Class::TypeTemplate | Class::Namespace => true,
            // `kernel f(…)`: the name of the function stands where its type should be.
            Class::Unknown => self.punct_at(self.ahead(1)) != Some(Punct::OpenParen),
            Class::Value | Class::ValueTemplate => false,
        };
        if is_type { Ok(Some(TypeExprKind::Named(self.path()?.0))) } else { Ok(None) }
    }

    fn decltype(&mut self) -> Parsed<TypeExprKind> {
        self.bump();
        let open = self.span();
        self.expect(Punct::OpenParen, "after `decltype`")?;
        let value = self.with_greater(false, |p| p.expression_in_type(|p| p.expression()))?;
        self.expect_close(Punct::CloseParen, open)?;
        Ok(TypeExprKind::Decltype(Box::new(value)))
    }

    /// Reports that no type came. A function that lacks its return type is read as if it were `void`.
    fn missing_type(&mut self, stage: Option<FunctionStage>, storage: Storage) -> Parsed<TypeExprKind> {
        if self.at_word("operator") {
            return Err(self.unsupported_as(Code::E0606, self.span(), "a conversion operator is"));
        }
        let Some(word) = self.word().filter(|w| !vocabulary::is_keyword(w)) else {
            return Err(self.expected("a type"));
        };
        let span = self.span();
        let next = self.punct_at(self.ahead(1));
        // `<` is the one of an instantiation.
        let is_function = matches!(next, Some(Punct::OpenParen | Punct::Less));
        if is_function && stage.is_some() {
            let message = format!("`{word}` needs a return type");
            self.report(
                Diagnostic::new(Code::E0201, span, message)
                    .at("expected a type before the name")
                    .note(format!("kernels return nothing: write `kernel void {word}(…)` [MSL 5.1]")),
            );
            return Ok(named(Ident { name: "void".into(), span }));
        }
        if is_function && storage.place.is_some() {
            let message = format!("`{word}` needs a return type");
            return Err(self.report(Diagnostic::new(Code::E0201, span, message).at("expected a type")));
        }
        Err(self.expected("a type"))
    }

    /// Reports storage words where they mean nothing.
    pub(super) fn refuse_storage(&mut self, specifiers: &Specifiers, place: &str) {
        if let Some(span) = specifiers.storage.place {
            self.syntax_error(span, format!("storage words cannot stand in {place}"));
        }
        if specifiers.stage != FunctionStage::Helper {
            self.syntax_error(specifiers.start, format!("only functions have a stage, not {place}"));
        }
    }

    /// Takes a named struct or enum that the specifiers define out of them, so that it is declared once
    /// however many declarators follow.
    pub(super) fn hoist(&mut self, specifiers: &mut Specifiers) -> Option<Item> {
        let TypeExprKind::Inline(item) = &specifiers.base.kind else { return None };
        let name = match &item.kind {
            ItemKind::Struct(decl) => decl.name.clone()?,
            ItemKind::Enum(decl) => decl.name.clone()?,
            _ => return None,
        };
        match std::mem::replace(&mut specifiers.base.kind, named(name)) {
            TypeExprKind::Inline(item) => Some(*item),
            _ => None,
        }
    }

    /// Parses a type without a name: in casts, template arguments, `sizeof`.
    pub(super) fn type_id(&mut self) -> Parsed<TypeExpr> {
        self.nested(|p| {
            let specifiers = p.specifiers()?;
            p.refuse_storage(&specifiers, "a type");
            let declarator = p.declarator(super::declarators::Naming::Forbidden)?;
            Ok(declarator.apply(specifiers.base))
        })
    }
}
