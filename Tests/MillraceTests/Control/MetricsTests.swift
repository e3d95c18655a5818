import AMQPClient
import Metrics
import Synchronization
import Testing

@testable import Millrace

/// A supervisor as a test has it, with something in each place.
enum SampleDocument {
    static func job(_ name: String = "orders") -> JobStatus {
        var counts = JobCounts()
        counts.received = 12
        counts.acked = 10
        counts.published = 7
        counts.droppedAcks = 1
        var times = JobTimes()
        for _ in 0..<99 { times.add(TimeSample(kind: .handler, nanoseconds: 12_000_000, weight: 1)) }
        times.add(TimeSample(kind: .handler, nanoseconds: 2_000_000_000, weight: 1))
        times.add(TimeSample(kind: .wait, nanoseconds: 700_000, weight: 16))
        var job = JobStatus(
            name: name,
            queue: "q",
            state: .running,
            threads: 4,
            consuming: 4,
            inHand: 9,
            oldestInHand: .milliseconds(1500),
            counts: counts
        )
        job.times = times
        job.failure = JobFailure(text: "boom", time: 1000)
        job.busy = 3
        job.prefetched = 6
        job.wanted = 8
        job.publishMode = "confirm"
        job.timeout = .seconds(30)
        return job
    }

    static func document(_ jobs: [JobStatus] = [job()]) -> StatusDocument {
        StatusDocument(
            status: SupervisorStatus(isDraining: false, connection: .up, outputs: .blocked, jobs: jobs),
            identity: FileIdentity(path: "jobs.yaml", digest: "0123456789abcdef"),
            loadedAt: 900,
            refusal: nil,
            stateProblem: nil,
            rates: ["orders": 2.5],
            schedules: [],
            broker: nil,
            leaving: nil,
            build: "1.2.3",
            processID: 7,
            host: "here",
            startedAt: 800,
            zone: 0,
            reconnects: 2,
            queues: ["q": BacklogWatch.Count(messages: 1200, consumers: 5)],
            standings: [ScheduleStanding(name: "nightly", isLeading: true, lastTick: 1_700_000_000_500)]
        )
    }
}

/// What is measured, as Prometheus and as swift-metrics get it.
@Suite struct MetricsTests {
    private func lines(_ document: StatusDocument = SampleDocument.document()) -> Set<String> {
        Set(MetricsText.of(document).split(separator: "\n").map(String.init))
    }

    @Test func `each measure has its name, its labels and its value`() {
        let expected: Set = [
            "millrace_connection_up{connection=\"outputs\"} 1",
            "millrace_connection_blocked{connection=\"outputs\"} 1",
            "millrace_connection_reconnects_total{connection=\"jobs\"} 2",
            "millrace_job_threads{job=\"orders\",queue=\"q\"} 4",
            "millrace_job_threads_wanted{job=\"orders\",queue=\"q\"} 8",
            "millrace_job_threads_busy{job=\"orders\",queue=\"q\"} 3",
            "millrace_job_prefetched{job=\"orders\",queue=\"q\"} 6",
            "millrace_job_ready_messages{job=\"orders\",queue=\"q\"} 1200",
            "millrace_job_queue_consumers{job=\"orders\",queue=\"q\"} 5",
            "millrace_job_oldest_in_flight_seconds{job=\"orders\",queue=\"q\"} 1.5",
            "millrace_job_timeout_seconds{job=\"orders\",queue=\"q\"} 30",
            "millrace_job_published_total{job=\"orders\",mode=\"confirm\"} 7",
            "millrace_job_stale_acks_total{job=\"orders\"} 1",
            "millrace_job_settled_total{job=\"orders\",outcome=\"acked\"} 10",
            "millrace_job_state{job=\"orders\",state=\"running\"} 1",
            "millrace_schedule_last_tick_timestamp_seconds{schedule=\"nightly\"} 1700000000.5",
            "millrace_schedule_leader{schedule=\"nightly\"} 1",
            "millrace_build_info{version=\"1.2.3\",config=\"01234567\"} 1",
        ]
        let missing = expected.subtracting(self.lines())
        #expect(missing.isEmpty, "\(missing.sorted())")
    }

    /// Operators' rules and dashboards stand on these names.
    @Test func `every name that operators know is there, with its labels`() {
        let families = Set(
            self.lines().filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) }
        )
        let names: Set = [
            "millrace_connection_up", "millrace_connection_blocked", "millrace_connection_reconnects_total",
            "millrace_config_last_reload_successful", "millrace_config_last_reload_success_timestamp_seconds",
            "millrace_job_threads", "millrace_job_threads_busy", "millrace_job_threads_wanted",
            "millrace_job_consuming",
            "millrace_job_prefetched", "millrace_job_ready_messages", "millrace_job_queue_consumers",
            "millrace_job_received_total", "millrace_job_settled_total", "millrace_job_published_total",
            "millrace_job_handler_seconds", "millrace_job_wait_seconds", "millrace_job_oldest_in_flight_seconds",
            "millrace_job_overruns_total", "millrace_job_stale_acks_total", "millrace_job_state", "millrace_job_paused",
            "millrace_schedule_last_tick_timestamp_seconds", "millrace_schedule_leader", "millrace_build_info",
        ]
        #expect(names.isSubset(of: families), "\(names.subtracting(families).sorted())")
    }

    @Test func `times are cumulative buckets that end with all of them`() {
        let expected: Set = [
            "# TYPE millrace_job_handler_seconds histogram",
            "millrace_job_handler_seconds_bucket{job=\"orders\",le=\"0.01\"} 0",
            "millrace_job_handler_seconds_bucket{job=\"orders\",le=\"0.025\"} 99",
            "millrace_job_handler_seconds_bucket{job=\"orders\",le=\"1\"} 99",
            "millrace_job_handler_seconds_bucket{job=\"orders\",le=\"2.5\"} 100",
            "millrace_job_handler_seconds_bucket{job=\"orders\",le=\"+Inf\"} 100",
            "millrace_job_handler_seconds_count{job=\"orders\"} 100",
            "millrace_job_handler_seconds_sum{job=\"orders\"} 3.188",
            "millrace_job_wait_seconds_bucket{job=\"orders\",le=\"0.0005\"} 0",
            "millrace_job_wait_seconds_bucket{job=\"orders\",le=\"0.001\"} 16",
        ]
        let missing = expected.subtracting(self.lines())
        #expect(missing.isEmpty, "\(missing.sorted())")
        #expect(MetricsText.bounds.allSatisfy { Double($0.text) == Double($0.nanoseconds) / 1e9 })
    }

    @Test func `what nobody knows has no sample`() {
        var document = SampleDocument.document()
        document.queues = [:]
        #expect(!self.lines(document).contains { $0.hasPrefix("millrace_job_ready_messages{") })
    }

    @Test func `percentiles and what else is measured are in the status`() {
        let json = SampleDocument.document().value.json
        #expect(
            json.contains("\"threads_busy\":3,\"threads_wanted\":8,\"prefetched\":6,\"ready_messages\":1200"),
            "\(json)"
        )
        #expect(json.contains("\"last_error\":{\"time\":1000,\"text\":\"boom\"}"))
        #expect(json.contains("\"handler_seconds\":{\"p50\":0.0119"), "\(json)")
        let text = SampleDocument.document().text(job: "orders")
        #expect(text.contains("orders: handler time p50 12ms, p95 12ms, p99 12ms\n"), "\(text)")
        #expect(text.contains("orders: last error 00:16: boom\n"), "\(text)")
    }

    @Test func `a time for people has three figures at most`() {
        let texts = [
            0, 900, 850_000, 1_250_000, 12_900_000, 999_000_000, 2_500_000_000, 99_000_000_000, 300_000_000_000,
        ]
        .map { StatusText.fine(.nanoseconds(Int64($0))) }
        #expect(texts == ["0", "<1µs", "850µs", "1.3ms", "13ms", "999ms", "2.5s", "99s", "5m"])
    }

    @Test func `swift-metrics gets each number once, and what only grows by how much it has grown`() {
        let backend = RecordedMetrics()
        var feed = MetricsFeed(backend)
        var job = SampleDocument.job()
        feed.tell(MetricFamily.all(SampleDocument.document([job])))
        #expect(backend.value("millrace_job_threads_busy job=orders queue=q") == [3])
        #expect(backend.value("millrace_job_settled_total job=orders outcome=acked") == [10])
        #expect(backend.value("millrace_job_handler_seconds job=orders").count == 100)
        feed.tell(MetricFamily.all(SampleDocument.document([job])))
        #expect(backend.value("millrace_job_settled_total job=orders outcome=acked") == [10])
        #expect(backend.value("millrace_job_handler_seconds job=orders").count == 100)
        for _ in 0..<1_000_000 { job.times.add(TimeSample(kind: .handler, nanoseconds: 5000, weight: 1)) }
        for _ in 0..<100_000 { job.times.add(TimeSample(kind: .handler, nanoseconds: 5_000_000, weight: 1)) }
        feed.tell(MetricFamily.all(SampleDocument.document([job])))
        let times = backend.value("millrace_job_handler_seconds job=orders").dropFirst(100)
        #expect((999...1000).contains(times.count), "\(times.count)")
        let slow = times.count { $0 > 1_000_000 }
        #expect((90...92).contains(slow), "in their proportion: \(slow)")
    }

    @Test func `without a back end nothing is fed`() { #expect(MetricsFeed.ofProcess == nil) }
}

/// Keeps what it is given, by name and labels.
private final class RecordedMetrics: MetricsFactory {
    private let values = Mutex<[String: [Double]]>([:])

    func value(_ name: String) -> [Double] { self.values.withLock { $0[name] ?? [] } }

    private final class Handler: FloatingPointCounterHandler, CounterHandler, RecorderHandler, TimerHandler,
        MeterHandler
    {
        let name: String
        let owner: RecordedMetrics

        init(_ name: String, _ dimensions: [(String, String)], _ owner: RecordedMetrics) {
            self.name = ([name] + dimensions.map { "\($0.0)=\($0.1)" }).joined(separator: " ")
            self.owner = owner
        }

        private func add(_ value: Double) {
            self.owner.values.withLock { $0[self.name, default: []].append(value) }
        }

        func increment(by value: Double) { self.add(value) }
        func increment(by value: Int64) { self.add(Double(value)) }
        func decrement(by value: Double) { self.add(-value) }
        func set(_ value: Int64) { self.add(Double(value)) }
        func set(_ value: Double) { self.add(value) }
        func record(_ value: Int64) { self.add(Double(value)) }
        func record(_ value: Double) { self.add(value) }
        func recordNanoseconds(_ duration: Int64) { self.add(Double(duration)) }
        func reset() {}
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Handler(label, dimensions, self)
    }
    func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        Handler(label, dimensions, self)
    }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        Handler(label, dimensions, self)
    }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        Handler(label, dimensions, self)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Handler(label, dimensions, self)
    }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
