//! `zookeeper get PATH`: the data of a znode.

use kafsh_model::Result;
use serde_json::{Value, json};

use super::path::open;
use super::sessions::shown;
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::records::envelope::encode;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Needs};

const FIELDS: &[Column] = &[
    column("path", "path"),
    column("text", "data"),
    column("base64", "data in base64"),
    column("bytes", "bytes"),
    column("version", "version"),
    column("children", "children"),
    column("ephemeral_owner", "owned by session"),
    column_as("created_ms", "created", Show::Time),
    column_as("modified_ms", "modified", Show::Time),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["zookeeper", "get"],
    summary: "show the data of a znode",
    detail: "`text` is the data where it is UTF-8, and `json` what it parses to, else null; other \
             data is in `base64`. A znode with an owner goes away with its session.",
    args: &[ArgSpec {
        name: "path",
        kind: Kind::Znode,
        arity: Arity::One,
        help: "the znode, below Kafka's chroot",
    }],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "zookeeper get /controller", about: "which broker is the controller" },
        Example { line: "zookeeper get /cluster/id | jq '.json.id'", about: "the cluster's id" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let path = call.args.text("path")?;
    let (zookeeper, whole) = open(&call, &path).await?;
    let znode = zookeeper.get(&whole).await?;
    let text = String::from_utf8(znode.data.clone()).ok();
    let base64 = text.is_none().then(|| encode(&znode.data));
    let parsed = text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let owner = match znode.ephemeral_owner {
        0 => Value::Null,
        session => json!(shown(session)),
    };
    let value = json!({
        "path": whole,
        "text": text,
        "json": parsed,
        "base64": base64,
        "bytes": znode.data.len(),
        "version": znode.version,
        "children": znode.children,
        "ephemeral_owner": owner,
        "created_ms": znode.created_ms,
        "modified_ms": znode.modified_ms,
    });
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: &[] }))
}
