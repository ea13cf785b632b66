//! The example as a service of a repository: its schema files, which the gate looks at.

use std::{fs, path::Path};

use nexus_e2e::{binary, run_program};
use tempfile::TempDir;

#[test]
fn the_schema_files_of_the_example_are_those_of_its_code() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/orders/schemas");
    let checked = run_program(&binary(), &["schema", "check", kept.to_str().unwrap()]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let generated = TempDir::new().unwrap();
    let ended = run_program(&binary(), &["schema", "generate", generated.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for document in ["asyncapi.json", "schemas.ts"] {
        let [kept, generated] = [&kept, generated.path()].map(|directory| fs::read_to_string(directory.join(document)));
        assert_eq!(kept.unwrap(), generated.unwrap(), "{document}: run `nexus schema generate` in examples/orders");
    }
}
