//! `GET /doc/`: the API for people who write programs, made from its document and nothing else.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::document::{ACCESS, ACCESS_WORDS, document};
use crate::app::App;
use crate::caller::Standing;
use crate::pages::{PageProblem, page};

/// Where shapes stand in the document.
const SHAPES: &str = "#/components/schemas/";

/// What the page shows.
#[derive(Debug, Serialize)]
struct Documentation {
    title: String,
    description: String,
    groups: Vec<Group>,
    shapes: Vec<Shape>,
}

/// Operations that belong together.
#[derive(Debug, Serialize)]
struct Group {
    name: String,
    description: String,
    operations: Vec<Operation>,
}

#[derive(Debug, Serialize)]
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    access: String,
    access_words: String,
    parameters: Vec<Field>,
    bodies: Vec<Content>,
    answers: Vec<Answer>,
}

/// A parameter, or a member of a shape.
#[derive(Debug, Serialize)]
struct Field {
    name: String,
    /// Where a parameter goes: path, query, header. Empty for members.
    place: String,
    kind: Kind,
    required: bool,
    description: String,
}

/// What a value is, in words, and the shape to look at.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Kind {
    words: String,
    shape: Option<String>,
}

#[derive(Debug, Serialize)]
struct Content {
    media_type: String,
    kind: Kind,
}

#[derive(Debug, Serialize)]
struct Answer {
    status: String,
    description: String,
    contents: Vec<Content>,
}

#[derive(Debug, Serialize)]
struct Shape {
    name: String,
    description: String,
    kind: Kind,
    fields: Vec<Field>,
}

/// The document never changes while the program runs.
static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    let json = serde_json::to_value(document());
    outline(&json.unwrap_or_default())
});

/// `GET /doc/`
pub(crate) async fn show(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    page(&app, &standing, "doc.html", &*DOCUMENTATION).await
}

fn outline(document: &Value) -> Documentation {
    Documentation {
        title: text(document, "/info/title"),
        description: text(document, "/info/description"),
        groups: items(document, "/tags")
            .iter()
            .map(|tag| group(document, tag))
            .collect(),
        shapes: members(document, "/components/schemas")
            .map(|(name, shape)| Shape {
                name: name.clone(),
                description: text(shape, "/description"),
                kind: kind(shape),
                fields: fields(shape),
            })
            .collect(),
    }
}

fn group(document: &Value, tag: &Value) -> Group {
    let name = text(tag, "/name");
    let operations = members(document, "/paths").flat_map(|(path, item)| {
        members(item, "").map(move |(method, operation)| (path, method, operation))
    });
    Group {
        description: text(tag, "/description"),
        operations: operations
            .filter(|(.., operation)| text(operation, "/tags/0") == name)
            .map(|(path, method, operation)| described(path, method, operation))
            .collect(),
        name,
    }
}

fn described(path: &str, method: &str, operation: &Value) -> Operation {
    Operation {
        id: text(operation, "/operationId"),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(operation, "/summary"),
        access: text(operation, &format!("/{ACCESS}")),
        access_words: text(operation, &format!("/{ACCESS_WORDS}")),
        parameters: items(operation, "/parameters")
            .iter()
            .map(parameter)
            .collect(),
        bodies: contents(operation, "/requestBody/content"),
        answers: members(operation, "/responses")
            .map(|(status, answer)| Answer {
                status: status.clone(),
                description: text(answer, "/description"),
                contents: contents(answer, "/content"),
            })
            .collect(),
    }
}

fn parameter(parameter: &Value) -> Field {
    Field {
        name: text(parameter, "/name"),
        place: text(parameter, "/in"),
        kind: kind(&parameter["schema"]),
        required: parameter["required"] == true,
        description: text(parameter, "/description"),
    }
}

fn contents(value: &Value, pointer: &str) -> Vec<Content> {
    members(value, pointer)
        .map(|(media_type, content)| Content {
            media_type: media_type.clone(),
            kind: kind(&content["schema"]),
        })
        .collect()
}

fn fields(shape: &Value) -> Vec<Field> {
    let required = items(shape, "/required");
    members(shape, "/properties")
        .map(|(name, member)| Field {
            name: name.clone(),
            place: String::new(),
            kind: kind(member),
            required: required.iter().any(|required| required == name),
            description: text(member, "/description"),
        })
        .collect()
}

/// A schema in words: `text`, `list of Video`, `one of “a”, “b”`.
fn kind(schema: &Value) -> Kind {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches(SHAPES).to_owned();
        return Kind {
            words: name.clone(),
            shape: Some(name),
        };
    }
    for either in ["/oneOf", "/anyOf", "/allOf"] {
        let alternatives = items(schema, either);
        if !alternatives.is_empty() {
            return any_of(alternatives);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        return words(values.join(" or "));
    }
    match &schema["type"] {
        Value::Array(names) => words(
            names
                .iter()
                .filter_map(Value::as_str)
                .map(|name| simple(name, schema))
                .collect::<Vec<_>>()
                .join(" or "),
        ),
        Value::String(name) if name == "array" => {
            let of = kind(&schema["items"]);
            Kind {
                words: format!("list of {}", of.words),
                shape: of.shape,
            }
        }
        Value::String(name) => words(simple(name, schema)),
        _ => words("anything".to_owned()),
    }
}

fn any_of(alternatives: &[Value]) -> Kind {
    let kinds: Vec<Kind> = alternatives.iter().map(kind).collect();
    let words: Vec<&str> = kinds.iter().map(|kind| kind.words.as_str()).collect();
    Kind {
        words: words.join(" or "),
        shape: kinds.into_iter().find_map(|kind| kind.shape),
    }
}

fn words(words: String) -> Kind {
    Kind { words, shape: None }
}

fn simple(name: &str, schema: &Value) -> String {
    let format = schema["format"].as_str();
    match (name, format) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("string", Some("binary")) => "bytes".to_owned(),
        ("string", _) => "text".to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        (other, _) => other.to_owned(),
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let found = value.pointer(pointer).and_then(Value::as_object);
    found.into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::{DOCUMENTATION, kind};
    use crate::router;
    use serde_json::json;

    #[test]
    fn shapes_are_told_in_words() {
        for (schema, words, shape) in [
            (json!({"type": "string"}), "text", None),
            (
                json!({"type": "string", "format": "date-time"}),
                "time",
                None,
            ),
            (
                json!({"type": ["integer", "null"]}),
                "whole number or null",
                None,
            ),
            (json!({"enum": ["a", null]}), "\"a\" or null", None),
            (
                json!({"$ref": "#/components/schemas/Video"}),
                "Video",
                Some("Video"),
            ),
            (
                json!({"type": "array", "items": {"$ref": "#/components/schemas/Video"}}),
                "list of Video",
                Some("Video"),
            ),
            (
                json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Strip"}]}),
                "null or Strip",
                Some("Strip"),
            ),
            (json!({}), "anything", None),
        ] {
            let kind = kind(&schema);
            assert_eq!(kind.words, words, "{schema}");
            assert_eq!(kind.shape.as_deref(), shape, "{schema}");
        }
    }

    #[test]
    fn the_page_shows_every_operation_once() {
        let groups = &DOCUMENTATION.groups;
        let shown: usize = groups.iter().map(|group| group.operations.len()).sum();
        let document = serde_json::to_value(super::document()).unwrap();
        let described: usize = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|item| item.as_object().unwrap().len())
            .sum();
        assert_eq!(
            shown, described,
            "an operation has no group, or one unknown"
        );
        assert!(shown < router::table().len(), "pages are no operations");
    }
}
