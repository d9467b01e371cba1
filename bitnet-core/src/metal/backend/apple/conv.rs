//! Values of ours as Metal's.

use bitnet_msl::{LanguageVersion, ir};
use objc2::rc::Retained;
use objc2::runtime::NSObjectProtocol;
use objc2::sel;
use objc2_foundation::{NSDictionary, NSError, NSObject, NSString, NSURL};
use objc2_metal as mtl;
use objc2_metal::{
    MTLCompileOptions, MTLDataType, MTLLanguageVersion, MTLMathFloatingPointFunctions, MTLMathMode,
};

use std::path::Path;

use crate::metal::compile_options::CompileOptions;
use crate::metal::log_state::MTLLogLevel;
use crate::metal::resource_options::MTLResourceOptions;
use crate::metal::size::MTLSize;

/// A size. Every dimension fits: validation refuses grids of more than 2³² threads along one.
pub(super) fn size(size: MTLSize) -> mtl::MTLSize {
    let [width, height, depth] = size.dimensions().map(|n| n as usize);
    mtl::MTLSize { width, height, depth }
}

/// A storage mode. With one memory, managed storage is shared: iOS has no other, and on macOS it saves the
/// second copy.
pub(super) fn resource_options(
    options: MTLResourceOptions,
    has_unified_memory: bool,
) -> mtl::MTLResourceOptions {
    match options {
        MTLResourceOptions::StorageModeManaged if !has_unified_memory => {
            mtl::MTLResourceOptions::StorageModeManaged
        }
        MTLResourceOptions::StorageModeShared | MTLResourceOptions::StorageModeManaged => {
            mtl::MTLResourceOptions::StorageModeShared
        }
        MTLResourceOptions::StorageModePrivate => mtl::MTLResourceOptions::StorageModePrivate,
    }
}

/// The levels of messages, ours and Metal's, least grave first.
const LOG_LEVELS: [(MTLLogLevel, mtl::MTLLogLevel); 5] = [
    (MTLLogLevel::Debug, mtl::MTLLogLevel::Debug),
    (MTLLogLevel::Info, mtl::MTLLogLevel::Info),
    (MTLLogLevel::Notice, mtl::MTLLogLevel::Notice),
    (MTLLogLevel::Error, mtl::MTLLogLevel::Error),
    (MTLLogLevel::Fault, mtl::MTLLogLevel::Fault),
];

/// A level of messages.
pub(super) fn log_level(level: MTLLogLevel) -> mtl::MTLLogLevel {
    LOG_LEVELS[level as usize].1
}

/// A level of messages of Metal's. One that it adds in the future is taken for a notice, its default.
pub(super) fn our_log_level(level: mtl::MTLLogLevel) -> MTLLogLevel {
    let known = LOG_LEVELS.into_iter().find(|(_, metal)| *metal == level);
    known.map_or(MTLLogLevel::Notice, |(ours, _)| ours)
}

/// The type of a function constant.
pub(super) fn data_type(scalar: ir::Scalar) -> Option<MTLDataType> {
    Some(match scalar {
        ir::Scalar::Bool => MTLDataType::Bool,
        ir::Scalar::I16 => MTLDataType::Short,
        ir::Scalar::U16 => MTLDataType::UShort,
        ir::Scalar::I32 => MTLDataType::Int,
        ir::Scalar::U32 => MTLDataType::UInt,
        ir::Scalar::I64 => MTLDataType::Long,
        ir::Scalar::U64 => MTLDataType::ULong,
        ir::Scalar::F16 => MTLDataType::Half,
        ir::Scalar::F32 => MTLDataType::Float,
        _ => return None,
    })
}

fn language_version(version: LanguageVersion) -> MTLLanguageVersion {
    match version {
        LanguageVersion::Metal2_3 => MTLLanguageVersion::Version2_3,
        LanguageVersion::Metal2_4 => MTLLanguageVersion::Version2_4,
        LanguageVersion::Metal3_0 => MTLLanguageVersion::Version3_0,
        LanguageVersion::Metal3_1 => MTLLanguageVersion::Version3_1,
        LanguageVersion::Metal3_2 => MTLLanguageVersion::Version3_2,
        LanguageVersion::Metal4_0 => MTLLanguageVersion::Version4_0,
    }
}

/// The options of a compilation, of a source that logs messages or not. Includes are not among them, since Metal
/// takes no files beside a source, nor are the level of optimisation and source places: at run time its compiler
/// has one level for speed, and no switch.
pub(super) fn compile_options(options: &CompileOptions, logs: bool) -> Retained<MTLCompileOptions> {
    let CompileOptions {
        language_version: version,
        fast_math,
        defines,
        includes: _,
        optimization_level: _,
        debug_info: _,
    } = options;
    let metal = MTLCompileOptions::new();
    metal.setLanguageVersion(language_version(*version));
    set_fast_math(&metal, *fast_math);
    if logs && metal.respondsToSelector(sel!(setEnableLogging:)) {
        metal.setEnableLogging(true);
    }
    let names: Vec<_> = defines.iter().map(|(name, _)| NSString::from_str(name)).collect();
    let bodies: Vec<_> = defines.iter().map(|(_, body)| NSString::from_str(body)).collect();
    let names: Vec<&NSString> = names.iter().map(|name| &**name).collect();
    let bodies: Vec<&NSObject> = bodies
        .iter()
        .map(|body| {
            let body: &NSObject = body;
            body
        })
        .collect();
    let macros = NSDictionary::from_slices(&names, &bodies);
    // SAFETY: The values are strings, one of the types that Metal takes.
    unsafe { metal.setPreprocessorMacros(Some(&macros)) };
    metal
}

/// Fast math by the name that the system has for it: `mathMode` since macOS 15 and iOS 18.
fn set_fast_math(options: &MTLCompileOptions, fast_math: bool) {
    if options.respondsToSelector(sel!(setMathMode:)) {
        let (mode, functions) = if fast_math {
            (MTLMathMode::Fast, MTLMathFloatingPointFunctions::Fast)
        } else {
            (MTLMathMode::Safe, MTLMathFloatingPointFunctions::Precise)
        };
        options.setMathMode(mode);
        options.setMathFloatingPointFunctions(functions);
        return;
    }
    #[expect(deprecated, reason = "older systems have no other")]
    options.setFastMathEnabled(fast_math);
}

/// The URL of a file, or why it has none.
pub(super) fn file_url(path: &Path) -> Result<Retained<NSURL>, String> {
    NSURL::from_file_path(path).ok_or_else(|| "the path is empty or has a NUL in it".to_owned())
}

/// What an error of Metal's says.
pub(super) fn text(error: &NSError) -> String {
    error.localizedDescription().to_string()
}
