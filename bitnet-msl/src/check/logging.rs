//! `os_log`: loggers, and the messages they log [MSL 3.2].

use super::Checker;
use super::format::{self, Length, Piece, Spec};
use super::lookup::LookupKind;
use super::operand::Operand;
use super::overload::Argument;
use super::scope::{Decl, METAL};
use crate::ast::{self, ExprKind, Init, SpaceKeyword, TypeExprKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{
    ConversionKind, FormatPiece, LogLevel, Logger, LoggerId, Message, MessageId, Op, Scalar, Type, TypeId,
    Value,
};
use crate::options::LanguageVersion;
use crate::source::Span;

/// The type, and the logger that is always there.
const TYPE: &str = "os_log";
const DEFAULT: &str = "os_log_default";

/// How a logger is declared.
const DECLARATION: &str =
    "a logger reads `constant os_log name(\"subsystem\", \"category\");`, outside of functions";

/// The methods of a logger.
const METHODS: [(&str, LogLevel); 5] = [
    ("log", LogLevel::Notice),
    ("log_debug", LogLevel::Debug),
    ("log_info", LogLevel::Info),
    ("log_error", LogLevel::Error),
    ("log_fault", LogLevel::Fault),
];

impl<'a> Checker<'a> {
    /// `#include <metal_logging>`.
    pub(super) fn include_logging(&mut self, span: Span) {
        self.scopes.declare_library(TYPE, Decl::LoggerType, span);
        self.scopes.declare_library(DEFAULT, Decl::Logger(None), span);
    }

    /// What to do about a name that was not found, if it is one of `<metal_logging>`.
    pub(super) fn logging_hint(&self, name: &str) -> Option<String> {
        if ![TYPE, DEFAULT].contains(&name) {
            return None;
        }
        Some(match self.scopes.lookup_in(METAL, name, LookupKind::Ordinary) {
            Some(_) => format!("did you mean `metal::{name}`?"),
            None => "needs `#include <metal_logging>`".to_owned(),
        })
    }

    /// Says so if the language version has no logging.
    fn check_logging_version(&mut self, span: Span) -> Option<()> {
        if self.options.language_version >= LanguageVersion::Metal3_2 {
            return Some(());
        }
        self.report(Diagnostic::new(Code::E0609, span, "logging needs language version 3.2").note(
            "compile as Metal 3.2 or later, or keep this code for it with `#if __METAL_VERSION__ >= 320`",
        ));
        None
    }

    /// Whether a type is `os_log`.
    pub(super) fn is_logger_type(&mut self, ty: &'a ast::TypeExpr) -> bool {
        match &ty.kind {
            TypeExprKind::Named(path) => matches!(self.lookup_path(path), Some(Decl::LoggerType)),
            _ => false,
        }
    }

    /// `os_log` where a logger cannot be.
    pub(super) fn misplaced_logger_type<T>(&mut self, span: Span) -> Option<T> {
        self.check_logging_version(span)?;
        self.report(
            Diagnostic::new(Code::E0515, span, "`os_log` cannot be used here")
                .note(DECLARATION)
                .note("functions call loggers by their names: they take and return none"),
        );
        None
    }

    /// A logger used as a value.
    pub(super) fn logger_as_value<T>(&mut self, path: &ast::Path) -> Option<T> {
        let name = self.path_text(path);
        self.report(
            Diagnostic::new(Code::E0515, path.span, format!("the logger `{name}` is used as a value"))
                .note(format!("loggers log and do nothing else: `{name}.log(\"…\")`")),
        );
        None
    }

    /// `constant os_log name("subsystem", "category");`
    pub(super) fn logger(&mut self, decl: &'a ast::VarDecl) -> Option<()> {
        self.check_logging_version(decl.ty.span)?;
        let name = &decl.name.name;
        if !matches!(decl.ty.quals.space, Some((SpaceKeyword::Constant, _))) {
            self.report(
                Diagnostic::new(
                    Code::E0403,
                    decl.name.span,
                    format!("the logger `{name}` is not in constant memory"),
                )
                .note(DECLARATION),
            );
            return None;
        }
        let (Some(Init::Paren(args, _) | Init::Brace(args, _)), []) = (&decl.init, &decl.attrs[..]) else {
            return self.wrong_logger(decl);
        };
        let [subsystem, category] = &args[..] else { return self.wrong_logger(decl) };
        let (Some(subsystem), Some(category)) = (string(subsystem), string(category)) else {
            return self.wrong_logger(decl);
        };
        let id = LoggerId(self.loggers.len() as u32);
        self.loggers.push(Logger { subsystem: subsystem.to_owned(), category: category.to_owned() });
        self.declare(&decl.name, Decl::Logger(Some(id)));
        Some(())
    }

    fn wrong_logger<T>(&mut self, decl: &ast::VarDecl) -> Option<T> {
        let message = format!("the logger `{}` is not made of a subsystem and a category", decl.name.name);
        self.report(
            Diagnostic::new(Code::E0515, decl.span, message)
                .at("two string literals are needed")
                .note(DECLARATION),
        );
        None
    }

    /// The logger that an expression names.
    pub(super) fn named_logger(&mut self, expr: &'a ast::Expr) -> Option<Option<LoggerId>> {
        match &expr.kind {
            ExprKind::Path(path) => match self.lookup_path(path) {
                Some(Decl::Logger(logger)) => Some(logger),
                _ => None,
            },
            ExprKind::Paren(inner) => self.named_logger(inner),
            _ => None,
        }
    }

    /// `logger.log("format", args…)`.
    pub(super) fn log(
        &mut self,
        logger: Option<LoggerId>,
        method: &ast::Ident,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Option<Operand> {
        self.check_logging_version(method.span)?;
        let Some((_, level)) = METHODS.into_iter().find(|(name, _)| *name == method.name) else {
            let names = METHODS.map(|(name, _)| name).join(", ");
            self.report(
                Diagnostic::new(
                    Code::E0309,
                    method.span,
                    format!("`os_log` has no method `{}`", method.name),
                )
                .note(format!("a logger has {names}")),
            );
            return None;
        };
        let Some(pieces) = self.format(args.first(), span) else {
            self.arguments_of_unknown(args.get(1..).unwrap_or(&[]));
            return None;
        };
        let values = self.arguments(&args[1..])?;
        let specs = pieces.iter().filter_map(|piece| match piece {
            Piece::Value(spec) => Some(spec),
            Piece::Text(_) => None,
        });
        let specs: Vec<&Spec> = specs.collect();
        self.check_argument_count(&specs, &args[1..], args[0].span, span)?;
        let values: Vec<Option<Value>> =
            specs.into_iter().zip(&values).map(|(spec, value)| self.logged_value(spec, value)).collect();
        let values: Vec<Value> = values.into_iter().collect::<Option<_>>()?;
        let id = self.message_id(level, logger, pieces);
        let void = self.builder.void_type();
        let value = self.builder.emit(Op::Log(id, values), void, span);
        Some(Operand::value(value, void, span))
    }

    /// The format, taken apart.
    fn format(&mut self, format: Option<&'a ast::Expr>, span: Span) -> Option<Vec<Piece>> {
        let note = "the format is a string literal, so that it can be checked and stays on the host";
        let Some(format) = format else {
            self.report(Diagnostic::new(Code::E0331, span, "the message has no format").note(note));
            return None;
        };
        let Some(text) = string(format) else {
            self.report(
                Diagnostic::new(Code::E0331, format.span, "the format is not a string literal").note(note),
            );
            return None;
        };
        match format::parse(text) {
            Ok(pieces) => Some(pieces),
            Err(error) => {
                self.report(Diagnostic::new(Code::E0332, format.span, error.message).note(error.note));
                None
            }
        }
    }

    fn check_argument_count(
        &mut self,
        specs: &[&Spec],
        args: &[ast::Expr],
        format: Span,
        span: Span,
    ) -> Option<()> {
        if let Some(spec) = specs.get(args.len()) {
            let message = format!("there is no argument for `{}`", spec.text);
            self.report(
                Diagnostic::new(Code::E0333, span, message)
                    .label(format, format!("{} arguments are needed, {} given", specs.len(), args.len())),
            );
            return None;
        }
        if let Some(extra) = args.get(specs.len()) {
            self.report(
                Diagnostic::new(Code::E0333, extra.span, "the format does not print this argument")
                    .label(format, format!("{} arguments are needed, {} given", specs.len(), args.len())),
            );
            return None;
        }
        Some(())
    }

    /// An argument as its conversion prints it.
    fn logged_value(&mut self, spec: &Spec, arg: &Argument<'a>) -> Option<Value> {
        let operand = match arg {
            Argument::Operand(operand) => *operand,
            Argument::List(expr) => {
                self.error(Code::E0333, expr.span, "a braced list cannot be printed");
                return None;
            }
        };
        let is_scoped = operand.enumeration.is_some_and(|enumeration| self.is_scoped(enumeration));
        let read = self.read(operand)?;
        let wanted = if is_scoped || read.is_null() { None } else { self.printed_type(spec, read.ty) };
        let Some(wanted) = wanted else {
            self.report_unprintable(spec, &operand, read.ty, is_scoped || read.is_null());
            return None;
        };
        Some(self.convert_value(read.value, read.ty, wanted, read.span))
    }

    /// The type with which a conversion prints a type, if it does.
    fn printed_type(&mut self, spec: &Spec, ty: TypeId) -> Option<TypeId> {
        let kind = spec.conversion.kind;
        let (elem, len) = match self.ty(ty) {
            Type::Scalar(elem) if spec.vector.is_none() => (elem, 1),
            Type::Vector { elem, len, .. } if spec.vector == Some(len) => (elem, len),
            Type::Pointer { .. } if kind == ConversionKind::Pointer => return Some(ty),
            _ => return None,
        };
        let elem = if is_float_conversion(kind) {
            printed_float(spec, elem)?
        } else if kind == ConversionKind::Pointer {
            return None;
        } else {
            printed_integer(spec, elem)?
        };
        Some(self.builder.vector_type(elem, len))
    }

    fn report_unprintable(&mut self, spec: &Spec, operand: &Operand, ty: TypeId, is_odd: bool) {
        let shown = match operand.enumeration {
            Some(enumeration) => self.enumeration_name(enumeration),
            None => self.display(ty),
        };
        let message = match is_odd && operand.enumeration.is_none() {
            true => format!("`{}` does not print `nullptr`", spec.text),
            false => format!("`{}` does not print a `{shown}`", spec.text),
        };
        let diagnostic = Diagnostic::new(Code::E0333, operand.span, message);
        let hint = if is_odd { None } else { self.conversion_for(ty) };
        self.report(match hint {
            Some(hint) => diagnostic.at(format!("`{hint}` does")),
            None => diagnostic.note("scalars, vectors and pointers can be printed"),
        });
    }

    /// The plainest conversion that prints a type.
    fn conversion_for(&self, ty: TypeId) -> Option<String> {
        let (elem, len) = match self.ty(ty) {
            Type::Pointer { .. } => return Some("%p".into()),
            Type::Scalar(elem) => (elem, 1),
            Type::Vector { elem, len, .. } => (elem, len),
            _ => return None,
        };
        let letter = if elem.is_float() {
            "f"
        } else if elem.is_signed() {
            "d"
        } else {
            "u"
        };
        let length = match elem.size_bytes() {
            8 => "l",
            2 if len > 1 => "h",
            1 if len > 1 => "hh",
            _ => "",
        };
        Some(if len > 1 { format!("%v{len}{length}{letter}") } else { format!("%{length}{letter}") })
    }

    /// The number of a message: equal ones have one.
    fn message_id(&mut self, level: LogLevel, logger: Option<LoggerId>, pieces: Vec<Piece>) -> MessageId {
        let format = pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => FormatPiece::Text(text),
            Piece::Value(spec) => FormatPiece::Value(spec.conversion),
        });
        let message = Message { level, logger, format: format.collect() };
        let next = MessageId(self.messages.len() as u32);
        let id = *self.message_ids.entry(message.clone()).or_insert(next);
        if id == next {
            self.messages.push(message);
        }
        id
    }
}

/// The text of a string literal.
fn string(expr: &ast::Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Str(text) => Some(text),
        ExprKind::Paren(inner) => string(inner),
        _ => None,
    }
}

fn is_float_conversion(kind: ConversionKind) -> bool {
    use ConversionKind as K;
    !matches!(kind, K::Signed | K::Unsigned | K::Octal | K::Hex | K::HexUpper | K::Char | K::Pointer)
}

/// The float that a conversion prints: scalars of all widths, components of the width it names.
fn printed_float(spec: &Spec, elem: Scalar) -> Option<Scalar> {
    let fits = elem.is_float()
        && match spec.length {
            _ if spec.vector.is_none() => true,
            Length::Short => elem.size_bytes() == 2,
            _ => elem == Scalar::F32,
        };
    fits.then_some(Scalar::F32)
}

/// The integer that a conversion prints: of its own sign, and of the width that it names. Scalars of up to 32 bits
/// may be given as any of these, as C promotes them; components have the width exactly.
fn printed_integer(spec: &Spec, elem: Scalar) -> Option<Scalar> {
    use Scalar as S;
    if elem.is_float() {
        return None;
    }
    let [signed, unsigned] = match spec.length {
        _ if spec.conversion.kind == ConversionKind::Char => [S::U8, S::U8],
        Length::Byte => [S::I8, S::U8],
        Length::Short => [S::I16, S::U16],
        Length::Default | Length::Word => [S::I32, S::U32],
        Length::Long | Length::LongLong => [S::I64, S::U64],
    };
    let printed = if spec.conversion.kind == ConversionKind::Signed { signed } else { unsigned };
    let fits = match (spec.vector, printed.size_bytes()) {
        (None, 8) => elem.size_bytes() == 8,
        (None, _) => elem.size_bytes() <= 4,
        (Some(_), size) => elem.size_bytes() == size,
    };
    fits.then_some(printed)
}
