//! The line to the simulated AWS, with the watch beside it: it looks the moment a call has taken effect.

use std::future::poll_fn;
use std::pin::pin;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::watch::Watch;

/// `line` with `watch` looking after each thing that happens on it.
pub(crate) fn watched(line: SharedHttpClient, watch: Watch) -> SharedHttpClient {
    SharedHttpClient::new(Line { line, watch })
}

#[derive(Debug)]
struct Line {
    line: SharedHttpClient,
    watch: Watch,
}

impl HttpClient for Line {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.line.http_connector(settings, components);
        SharedHttpConnector::new(Connector { connector, watch: self.watch.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    connector: SharedHttpConnector,
    watch: Watch,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, watch) = (self.connector.call(request), self.watch.clone());
        HttpConnectorFuture::new(async move {
            let mut answer = pin!(answer);
            poll_fn(|context| {
                let polled = answer.as_mut().poll(context);
                watch.look();
                polled
            })
            .await
        })
    }
}
