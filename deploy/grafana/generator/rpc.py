"""What goes over the wire, and what is refused?"""
from .grafana import ENTROPY, LEARNER, RUN, Dashboard, Query, Row, TimeSeries

ACTORS = f'job="kmyriad-actor",{RUN}'

STREAMS = Row("Streams of state batches", (
    TimeSeries("Messages", "ops", "State batches per second received.",
               "in step with the epochs.",
               (Query("rate(kmyriad_learner_batches_total"
                      f"{{{LEARNER}}}[$__rate_interval])"),)),
    TimeSeries("Bytes", "Bps", "Bytes sent by all actors and received by the "
               "learner.", "the two agree.",
               (Query("sum(rate(kmyriad_actor_sent_bytes_total"
                      f"{{{ACTORS}}}[$__rate_interval]))", "sent"),
                Query("rate(kmyriad_learner_received_bytes_total"
                      f"{{{LEARNER}}}[$__rate_interval])", "received"))),
    TimeSeries("Bytes per message", "bytes", "Mean size of a state batch.",
               "128 KiB to 1 MiB; rpc.batch_bytes.",
               (Query("rate(kmyriad_learner_received_bytes_total"
                      f"{{{LEARNER}}}[$__rate_interval]) / "
                      "(rate(kmyriad_learner_batches_total"
                      f"{{{LEARNER}}}[$__rate_interval]) > 0)"),)),
    TimeSeries("Streams", "none", "Actors whose stream is open.",
               "as many as were started.",
               (Query(f"kmyriad_learner_actors{{{LEARNER}}}", "{{state}}"),),
               lowest=0),
    TimeSeries("Reconnects", "ops", "Streams opened again per second, by "
               "reason.", "0.",
               (Query("sum by (reason) (rate(kmyriad_actor_reconnects_total"
                      f"{{{ACTORS}}}[$__rate_interval]))", "{{reason}}"),)),
    TimeSeries("Waiting for credit", "none",
               "Workers, in the mean, that wait for the learner to take "
               "samples.", "near 0.",
               (Query("sum(rate(kmyriad_actor_credit_wait_seconds_total"
                      f"{{{ACTORS}}}[$__rate_interval]))"),), lowest=0),
))

CALLS = Row("Calls", (
    TimeSeries("Calls by method", "ops",
               "Calls per second that ended at a server, by method.",
               "one ScoreEpoch per epoch; GetStatus when somebody asks.",
               (Query("sum by (grpc_method) (rate(grpc_server_handled_total"
                      f"{{{RUN}}}[$__rate_interval]))", "{{grpc_method}}"),)),
    TimeSeries("Calls that failed", "percentunit",
               "Calls that ended in another code than OK, Canceled excepted, "
               "as a share of those that ended.", "0.",
               (Query('sum(rate(grpc_server_handled_total{grpc_code!~"OK|'
                      f'Canceled",{RUN}}}[$__rate_interval])) / (sum(rate('
                      f"grpc_server_handled_total{{{RUN}}}"
                      "[$__rate_interval])) > 0) or vector(0)", "server"),
                Query('sum(rate(grpc_client_handled_total{grpc_code!~"OK|'
                      f'Canceled",{RUN}}}[$__rate_interval])) / (sum(rate('
                      f"grpc_client_handled_total{{{RUN}}}"
                      "[$__rate_interval])) > 0) or vector(0)", "client")),
               lowest=0),
    TimeSeries("Messages by method", "ops",
               "Messages per second that servers received and sent.",
               "in step with the epochs.",
               (Query("sum by (grpc_method) (rate("
                      "grpc_server_msg_received_total"
                      f"{{{RUN}}}[$__rate_interval]))",
                      "{{grpc_method}} received"),
                Query("sum by (grpc_method) (rate(grpc_server_msg_sent_total"
                      f"{{{RUN}}}[$__rate_interval]))",
                      "{{grpc_method}} sent"))),
))

REFUSED = Row("Refused", (
    TimeSeries("By the learner", "ops", "Messages and actors refused per "
               "second.", "0.",
               (Query("rate(kmyriad_learner_refused_batches_total"
                      f"{{{LEARNER}}}[$__rate_interval])", "messages"),
                Query("rate(kmyriad_learner_refused_actors_total"
                      f"{{{LEARNER}}}[$__rate_interval])", "actors"))),
    TimeSeries("By the entropy service", "ops",
               "Requests refused or failed per second, by reason.", "0.",
               (Query("sum by (reason) (rate("
                      "kmyriad_entropy_requests_rejected_total"
                      f"{{{ENTROPY}}}[$__rate_interval]))", "{{reason}}"),)),
    TimeSeries("Entropy service away", "ops",
               "Attempts to score that found no entropy service, per second.",
               "0.",
               (Query("rate(kmyriad_learner_entropy_service_waits_total"
                      f"{{{LEARNER}}}[$__rate_interval])"),)),
))

SCORING = Row("Scoring", (
    TimeSeries("Requests", "ops",
               "Streams opened, epochs scored and answers repeated, per "
               "second.", "streams and scored agree; repeated 0.",
               (Query("rate(kmyriad_entropy_streams_total"
                      f"{{{ENTROPY}}}[$__rate_interval])", "streams"),
                Query("rate(kmyriad_entropy_epochs_scored_total"
                      f"{{{ENTROPY}}}[$__rate_interval])", "scored"),
                Query("rate(kmyriad_entropy_epochs_repeated_total"
                      f"{{{ENTROPY}}}[$__rate_interval])", "repeated"))),
    TimeSeries("95th percentile of scoring", "s",
               "Time to score an epoch whose particles have arrived.",
               "steady.",
               (Query("histogram_quantile(0.95, sum by (le) (rate("
                      "kmyriad_entropy_score_duration_seconds_bucket"
                      f"{{{ENTROPY}}}[$__rate_interval])))"),)),
))

SECURITY = Row("Security", (
    TimeSeries("Certificates end in", "s",
               "Time for which each process's certificate is still good; "
               "empty without TLS.", "more than a week.",
               (Query("kmyriad_tls_certificate_not_after_timestamp_seconds"
                      f"{{{RUN}}} - time()", "{{job}} {{instance}}"),),
               lowest=0, steps=((None, "red"), (604800, "green"))),
    TimeSeries("Denied", "ops",
               "Calls per second that were refused because of the role in "
               "the caller's certificate.", "0.",
               (Query(f"rate(kmyriad_rpc_denied_total{{{RUN}}}"
                      "[$__rate_interval])", "{{job}} {{instance}}"),)),
    TimeSeries("Without TLS", "none",
               "1 where other machines are served in plain text.",
               "0, or 1 on a network that nobody else is on.",
               (Query(f"kmyriad_rpc_insecure_remote{{{RUN}}}",
                      "{{job}} {{instance}}"),), lowest=0, highest=1),
))

OBSERVING = Row("Observation itself", (
    TimeSeries("Scrape time", "s", "Seconds that a scrape takes.",
               "below 0.02.",
               (Query(f"scrape_duration_seconds{{{RUN}}}",
                      "{{job}} {{instance}}"),), lowest=0,
               steps=((None, "green"), (0.02, "orange"))),
    TimeSeries("Series", "none", "Samples per scrape.",
               "constant, whatever the number of agents.",
               (Query(f"scrape_samples_scraped{{{RUN}}}",
                      "{{job}} {{instance}}"),), lowest=0),
    TimeSeries("Open descriptors", "none", "Open file descriptors.", "flat.",
               (Query(f"process_open_fds{{{RUN}}}",
                      "{{job}} {{instance}}"),), lowest=0),
))

DASHBOARD = Dashboard("kmyriad-rpc", "RPC", __doc__,
                      (STREAMS, CALLS, REFUSED, SCORING, SECURITY, OBSERVING))
