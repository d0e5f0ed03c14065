//! One walk over a component's sections: what it imports and exports, carries and weighs.

use std::ops::Range;

use wasmparser::{CanonicalFunction, CanonicalOption, ComponentExternalKind, Encoding, Parser};
use wasmparser::{Payload, WasmFeatures};

use super::{MANIFEST_SECTION, Refusal};
use crate::text::shown_within;

/// Names of sections that are told apart; what is beyond is summed up.
const SECTION_NAMES_MAX: usize = 64;

/// Bytes of a section's name that are shown.
const SECTION_NAME_BYTES_MAX: usize = 64;

/// What was found in a component that is well-formed.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Of the component itself, not of what is nested in it
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
    /// Those of `exports` that are instances: interfaces
    pub(super) instances: Vec<String>,
    /// Bodies of `kafsh-manifest`, at the top level
    pub(super) manifests: Vec<Range<usize>>,
    /// Name and bytes, in the order of first appearance
    pub(super) sections: Vec<(String, u64)>,
}

/// Validates `bytes` and walks over them once.
pub(super) fn outline(bytes: &[u8]) -> Result<Outline, Refusal> {
    let damaged = |e: wasmparser::BinaryReaderError| {
        Refusal::NotComponent(format!("it is cut short or damaged: {e}").into())
    };
    let mut features = WasmFeatures::default();
    features.remove(WasmFeatures::THREADS | WasmFeatures::MEMORY64 | WasmFeatures::MULTI_MEMORY);
    wasmparser::Validator::new_with_features(features).validate_all(bytes).map_err(damaged)?;

    let mut outline = Outline::default();
    // Whether each enclosing part is a core module; the component itself is the first.
    let mut within: Vec<bool> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(damaged)?;
        outline.weigh(&payload, &within);
        let top = within.len() == 1;
        match payload {
            Payload::Version { encoding, .. } => within.push(encoding == Encoding::Module),
            Payload::End(_) => {
                within.pop();
            }
            Payload::ComponentImportSection(imports) if top => {
                for import in imports {
                    outline.imports.push(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if top => {
                for export in section {
                    let export = export.map_err(damaged)?;
                    let name = export.name.name.to_owned();
                    if export.kind == ComponentExternalKind::Instance {
                        outline.instances.push(name.clone());
                    }
                    outline.exports.push(name);
                }
            }
            Payload::CustomSection(section) if top && section.name() == MANIFEST_SECTION => {
                let end = section.data_offset() + section.data().len();
                outline.manifests.push(section.data_offset()..end);
            }
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions {
                    check_encoding(&function.map_err(damaged)?)?;
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}

impl Outline {
    fn weigh(&mut self, payload: &Payload<'_>, within: &[bool]) {
        let Some((id, range)) = payload.as_section() else { return };
        let in_module = within.last() == Some(&true);
        let name = match payload {
            // What is in it is weighed by itself.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => return,
            Payload::CustomSection(section) => {
                format!("custom {}", shown_within(section.name(), SECTION_NAME_BYTES_MAX))
            }
            _ if in_module => core_name(id).to_string(),
            _ => "component".to_string(),
        };
        let bytes = range.len() as u64;
        if let Some((_, sum)) = self.sections.iter_mut().find(|(known, _)| *known == name) {
            *sum += bytes;
        } else if self.sections.len() < SECTION_NAMES_MAX {
            self.sections.push((name, bytes));
        } else if let Some((last, sum)) = self.sections.last_mut() {
            *last = "others".to_string();
            *sum += bytes;
        }
    }
}

/// Names of the core format's sections, by id.
fn core_name(id: u8) -> &'static str {
    match id {
        1 => "types",
        2 => "imports",
        3 => "functions",
        4 => "tables",
        5 => "memories",
        6 => "globals",
        7 => "exports",
        8 => "start",
        9 => "elements",
        10 => "code",
        11 => "data",
        12 => "data count",
        _ => "others",
    }
}

/// The other encodings have had the engine's gravest bugs, and no plugin needs them.
fn check_encoding(function: &CanonicalFunction) -> Result<(), Refusal> {
    let options = match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            options
        }
        _ => return Ok(()),
    };
    let other = [CanonicalOption::UTF16, CanonicalOption::CompactUTF16];
    if options.iter().any(|option| other.contains(option)) {
        return Err(Refusal::WrongWorld("its strings are not in UTF-8".into()));
    }
    Ok(())
}
