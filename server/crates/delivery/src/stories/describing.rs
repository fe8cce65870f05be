//! What the server says of itself: its document, the page made from it, its numbers.

use model::people::Role;

use super::home::Home;

#[tokio::test]
async fn the_document_and_its_page_are_there_for_everyone() {
    let home = Home::new();
    let document = home.get("/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    let listed = &document.json()["paths"]["/api/v1/videos"]["get"];
    assert_eq!(listed["operationId"], "listVideos", "{listed}");
    let page = home.get("/doc/").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    for expected in [
        "id=\"operation-listVideos\"",
        "href=\"#shape-VideoList\"",
        "id=\"shape-VideoList\"",
        "Anyone who can reach the server.",
    ] {
        assert!(text.contains(expected), "{expected} is not on {text}");
    }
    assert!(!text.contains(" style="), "the policy forbids it");
}

#[tokio::test]
async fn numbers_are_counted_and_told() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    let (title, _) = home.planned_film("Sunday").await;
    home.get(&format!("/api/v1/videos/{title}")).await;
    home.get("/nowhere").await;
    let numbers = home.get_as(Some(&ada), "/metrics").await;
    assert_eq!(numbers.status, 200);
    assert!(
        numbers
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    let text = numbers.text();
    for line in [
        "homereel_titles{state=\"processing\"} 1",
        "homereel_jobs{state=\"running\"} 1",
        "homereel_http_requests_total{route=\"/api/v1/videos/{id}\",method=\"GET\",status=\"2xx\"} 1",
        "homereel_http_requests_total{route=\"none\",method=\"GET\",status=\"4xx\"} 1",
        "homereel_held_requests 0",
        "homereel_listeners 0",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(!text.contains(&title.to_string()), "no one thing is named");
    assert!(text.contains("process_resident_memory_bytes"), "{text}");
}

#[tokio::test]
async fn every_answer_has_a_number() {
    let home = Home::new();
    let first = home.get("/healthz").await.header("x-request-id").to_owned();
    let second = home.get("/nowhere").await.header("x-request-id").to_owned();
    assert!(!first.is_empty() && first != second, "{first} {second}");
    let own = [("x-request-id", "1\u{20}<script>")];
    let third = home.get_with("/healthz", &own).await;
    assert!(third.header("x-request-id").parse::<u64>().is_ok());
}
