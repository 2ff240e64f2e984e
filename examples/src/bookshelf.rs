//! A shelf of books: the connector that docs/writing-connectors.md leads to.

use connector_runtime::prelude::*;

/// Keep books on a shelf.
#[connector(name = "bookshelf", version = "1.0.0-draft", errors = explain)]
#[derive(Debug)]
pub struct Bookshelf {
    /// Base URL of the API.
    #[config(example = "https://shelf.example.com/api")]
    base_url: Url,
    /// API key, sent as a bearer token.
    api_key: Secret,
}

/// The state of a book.
#[derive(Debug, Clone, Copy, Select)]
pub enum BookState {
    /// On the shelf.
    Free,
    /// Somebody has it.
    LentOut,
}

/// A book to put on the shelf.
#[object]
#[derive(Debug)]
pub struct NewBook {
    /// Its title.
    #[param(min_length = 1)]
    title: String,
    /// Words to find it by.
    #[param(default = [])]
    tags: Vec<String>,
}

/// A book on the shelf.
#[payload]
#[derive(Debug)]
pub struct Book {
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// Where it is.
    state: Option<BookState>,
}

/// One page of books.
#[payload]
#[derive(Debug)]
pub struct BookPage {
    /// The books on this page.
    books: Vec<Book>,
    /// Books in all.
    total: u64,
}

/// One page of titles, as the service answers it.
#[payload]
#[derive(Debug)]
struct TitlePage {
    /// The titles on this page.
    titles: Vec<String>,
}

#[connector]
impl Bookshelf {
    /// Check that the API answers and takes the key.
    #[command(effect = read)]
    async fn test(&self, cx: &Context) -> Outcome {
        self.request(cx, "GET", &["me"])?.send().await?.error_for_status()?;
        succeed(())
    }

    /// List books.
    #[command(effect = read, mock(default = two_books, empty = no_books), variables(book_count = u64))]
    async fn list_books(
        &self,
        cx: &Context,
        /// Only books in these states.
        #[param(default = ["free", "lent_out"])]
        states: Vec<BookState>,
        /// Most books to return.
        #[param(default = 50, min = 1, max = 500)]
        limit: u32,
    ) -> Outcome<BookPage> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(states.iter().map(|state| ("state", state.as_str().to_owned())));
        let response = self.request(cx, "GET", &["books"])?.query(&query).send().await?;
        let page: BookPage = response.error_for_status()?.json()?;
        let count = page.books.len();
        cx.log().info(format!("{count} of {} books", page.total));
        succeed(page).variable("bookCount", count)
    }

    /// List the titles of all books.
    #[command(effect = read, outputs("titles"))]
    async fn list_titles(&self, cx: &Context) -> Outcome<Value> {
        let request = self.request(cx, "GET", &["titles"])?.query(&[("limit", 100)]).retry(Retry::default());
        let mut pages = request.pages(Paging::cursor("/next", "cursor"));
        let mut titles = Vec::new();
        while let Some(response) = pages.next().await? {
            let page: TitlePage = response.error_for_status()?.json()?;
            titles.extend(page.titles);
        }
        succeed(json!({ "titles": titles }))
    }

    /// Put a book on the shelf.
    #[command(effect = create)]
    async fn create_book(
        &self,
        cx: &Context,
        /// The book.
        book: NewBook,
    ) -> Outcome<Book> {
        let request = self.request(cx, "POST", &["books"])?.json(&book).idempotency_key(cx.idempotency_key());
        let response = request.send().await?;
        if response.status() == 409 {
            return fail("The shelf has a book of this title already").diagnostics(response);
        }
        succeed(response.error_for_status()?.json()?)
    }

    /// Take a book off the shelf.
    #[command(effect = delete, idempotent)]
    async fn delete_book(
        &self,
        cx: &Context,
        /// Id of the book.
        id: String,
    ) -> Outcome {
        let response = self.request(cx, "DELETE", &["books", &id])?.send().await?;
        // It is gone, whoever took it.
        if response.status() != 404 {
            response.error_for_status()?;
        }
        succeed(())
    }
}

impl Bookshelf {
    /// Begins a request below the base URL, with what every request of this API carries.
    fn request(&self, cx: &Context, method: &str, path: &[&str]) -> Result<Request, Failure> {
        Ok(cx.http().request(method, self.base_url.at(path)?).bearer(&self.api_key))
    }
}

fn two_books() -> Outcome<BookPage> {
    let book =
        |id: &str, title: &str| Book { id: id.to_owned(), title: title.to_owned(), state: Some(BookState::Free) };
    succeed(BookPage { books: vec![book("1", "Dune"), book("2", "Emma")], total: 2 }).variable("bookCount", 2)
}

fn no_books(params: &ListBooksParams) -> Outcome<BookPage> {
    let total = if params.limit > 1 { 0 } else { 1 };
    succeed(BookPage { books: Vec::new(), total }).variable("bookCount", 0)
}

/// Says of an HTTP error what a user can act on; every other error keeps its own text.
fn explain(error: &Thrown<'_>) -> Option<Fail> {
    let http = error.find::<HttpError>()?;
    let text = match http.status() {
        401 | 403 => "The shelf refused the key".to_owned(),
        404 => "The shelf has no such book".to_owned(),
        status => format!("The shelf answered {status}"),
    };
    Some(Fail::new(text).diagnostic("statusCode", http.status()))
}

#[cfg(test)]
mod tests {
    use connector_runtime::testing::{self, Answer, TestCall, Upstream};

    use super::*;

    fn call(command: &str, upstream: &Upstream) -> TestCall {
        testing::call::<Bookshelf>(command).upstream("baseUrl", upstream).config("apiKey", "s3cret-key")
    }

    #[tokio::test]
    async fn books_are_listed() {
        let upstream = Upstream::start().await;
        upstream.on("GET /books", Answer::json(json!({ "books": [{ "id": "7", "title": "Emma" }], "total": 30 })));
        let result = call("listBooks", &upstream).param("limit", 1).run().await;
        assert_eq!(result.variables.unwrap()["bookCount"], 1);
        assert_eq!(upstream.only().line(), "GET /books?limit=1&state=free&state=lent_out");
        assert_eq!(upstream.only().header("authorization"), Some("Bearer s3cret-key"));
    }

    #[tokio::test]
    async fn titles_are_read_page_by_page() {
        let upstream = Upstream::start().await;
        upstream.on("GET /titles", Answer::json(json!({ "titles": ["Dune"], "next": "p2" })));
        upstream.on("GET /titles", Answer::json(json!({ "titles": ["Emma"], "next": null })));
        let done = call("listTitles", &upstream).done().await;
        assert!(done.logs.is_empty());
        assert_eq!(done.reply.into_result().payload, Some(json!({ "titles": ["Dune", "Emma"] })));
        let seen = upstream.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!((seen[0].query("cursor"), seen[1].query("cursor").as_deref()), (None, Some("p2")));
    }

    #[tokio::test]
    async fn a_book_that_is_there_already_is_said() {
        let upstream = Upstream::start().await;
        upstream.on("POST /books", Answer::json(json!({ "code": "duplicate" })).status(409));
        let create = call("createBook", &upstream).param("book", json!({ "title": "Emma" })).idempotency_key("order-7");
        let result = create.run().await;
        assert_eq!(result.error.as_deref(), Some("The shelf has a book of this title already"));
        assert_eq!(result.diagnostics.unwrap()["statusCode"], 409);
        let seen = upstream.only();
        assert_eq!((seen.method(), seen.path()), ("POST", "/books"));
        assert_eq!(seen.json(), json!({ "title": "Emma", "tags": [] }));
        assert_eq!(seen.header("idempotency-key"), Some("order-7"));
    }

    #[tokio::test]
    async fn a_book_whose_answer_was_lost_may_be_on_the_shelf() {
        let upstream = Upstream::start().await;
        upstream.on("POST /books", Answer::closes());
        let result = call("createBook", &upstream).param("book", json!({ "title": "Emma" })).run().await;
        assert_eq!(result.diagnostics.unwrap()["outcome"], "unknown");
        assert_eq!(upstream.only().header("idempotency-key"), None);
    }

    #[tokio::test]
    async fn an_id_stays_one_segment_and_a_second_delete_is_fine() {
        let upstream = Upstream::start().await;
        upstream.on("DELETE /books/a%2Fb", Answer::empty(204)).on("DELETE /books/a%2Fb", Answer::empty(404));
        for _ in 0..2 {
            assert!(call("deleteBook", &upstream).param("id", "a/b").run().await.success);
        }
        assert!(!call("deleteBook", &upstream).param("id", "..").run().await.success);
    }

    #[tokio::test]
    async fn a_service_that_fails_is_a_failure() {
        let upstream = Upstream::start().await;
        let answers = [Answer::empty(401), Answer::closes(), Answer::text("{").status(200)];
        for answer in answers {
            upstream.on("GET /me", answer);
        }
        assert_eq!(call("test", &upstream).run().await.error.as_deref(), Some("The shelf refused the key"));
        assert!(!call("test", &upstream).run().await.success, "the connection was closed");
        assert!(call("test", &upstream).run().await.success, "only the status counts");
    }

    #[tokio::test]
    async fn a_mock_needs_no_connection() {
        let result = testing::call::<Bookshelf>("listBooks").mock("empty").run().await;
        assert_eq!(result.payload, Some(json!({ "books": [], "total": 0 })));
    }
}
