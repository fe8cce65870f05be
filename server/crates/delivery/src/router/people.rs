//! The routes by which people come, prove who they are, and are looked after.

use crate::api::{account, host, invites, session, setup, users};
use crate::policy::Access;
use crate::router::Routes;

/// Who lives here, and how one proves it.
pub(super) fn add(routes: Routes) -> Routes {
    use Access::{Admin, Key, Member, Open};
    routes
        .get("/api/v1/setup", Open, setup::show)
        .post("/api/v1/setup", Open, setup::claim)
        .get("/api/v1/session", Open, session::show)
        .post("/api/v1/session", Open, session::sign_in)
        .delete("/api/v1/session", Open, session::sign_out)
        .post("/api/v1/session/ticket", Open, session::enter)
        .get("/api/v1/account", Member, account::show)
        .patch("/api/v1/account", Member, account::change)
        .get("/api/v1/account/sessions", Member, account::sessions)
        .delete(
            "/api/v1/account/sessions/{id}",
            Member,
            account::end_session,
        )
        .get("/api/v1/account/tokens", Member, account::tokens)
        .post("/api/v1/account/tokens", Member, account::make_token)
        .delete("/api/v1/account/tokens/{id}", Member, account::end_token)
        .get("/api/v1/users", Admin, users::list)
        .post("/api/v1/users", Admin, users::add)
        .patch("/api/v1/users/{id}", Admin, users::change)
        .delete("/api/v1/users/{id}", Admin, users::remove)
        .post("/api/v1/users/{id}/reset", Admin, users::offer_reset)
        .post("/api/v1/reset", Open, users::reset)
        .get("/api/v1/invites", Admin, invites::list)
        .post("/api/v1/invites", Admin, invites::invite)
        .delete("/api/v1/invites/{id}", Admin, invites::remove)
        .post("/api/v1/join", Open, invites::join)
        .post("/api/v1/signup", Open, invites::sign_up)
        .post("/api/v1/tickets", Key, host::ticket)
        .get("/api/v1/host/users", Key, host::users)
        .post("/api/v1/host/users", Key, host::add_user)
        .post("/api/v1/host/password", Key, host::password)
}
