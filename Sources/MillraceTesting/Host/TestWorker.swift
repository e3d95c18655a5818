import CMillraceABI
import Glibc
import Synchronization

// @unchecked Sendable: the mailbox, the flag and the note are for any thread; the rest is touched on the worker's own.
/// One worker: a thread with one instance of a handler, which it gives one run after another.
final class TestWorker: @unchecked Sendable {
    let mailbox = Mailbox()
    let jobName: LentOctets
    /// What was logged and counted since the last run was over.
    var logs: [LogLine] = []
    var metrics: [RecordedMetric] = []
    var holds: [RecordedHold] = []

    private let handler: TestedHandler
    private let endsEarly = Atomic(false)
    private let misuse = Mutex<String?>(nil)
    private var thread = pthread_t()
    private var instance: UnsafeMutableRawPointer?
    private var run: TestRun?
    private var waiting: [TestRun] = []
    private var isMade = false
    private var isClosing = false
    /// Kept, because a handler may have kept a context, which leads to them.
    private var past: [TestToken] = []

    private init(_ handler: TestedHandler, job: String) {
        self.handler = handler
        self.jobName = LentOctets(job.utf8)
    }

    /// The worker's pointer; valid until its thread has ended.
    var pointer: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    static func at(_ pointer: OpaquePointer?) -> TestWorker? {
        pointer.map { Unmanaged<TestWorker>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
    }

    // MARK: From any thread

    /// Starts the thread and makes the instance on it.
    static func start(
        _ handler: TestedHandler,
        options: [UInt8],
        job: String
    ) async throws(JobTesterError) -> TestWorker {
        let worker = TestWorker(handler, job: job)
        let reply = Reply<Void>()
        worker.mailbox.add(.order { $0.make(options, reply) })
        let argument = Unmanaged.passRetained(worker).toOpaque()
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<TestWorker>.fromOpaque(argument).takeRetainedValue().work()
                return nil
            },
            argument
        )
        guard code == 0 else {
            Unmanaged<TestWorker>.fromOpaque(argument).release()
            throw JobTesterError(.noThread(code))
        }
        pthread_detach(thread)
        try await reply.result(limit: .seconds(60)).get()
        return worker
    }

    func enqueue(_ messages: [TestMessage], _ ending: EarlyEnd) -> Reply<JobResults> {
        let reply = Reply<JobResults>()
        self.mailbox.add(
            .order { worker in
                let tokens = messages.map { TestToken($0, worker) }
                worker.waiting.append(TestRun(tokens, ending, reply))
            }
        )
        return reply
    }

    /// The flag at once, for a handler that does not wait; the order for one that does.
    func endEarly() {
        self.endsEarly.store(true, ordering: .relaxed)
        self.mailbox.add(.order { $0.ask() })
    }

    func close() { self.mailbox.add(.order { $0.isClosing = true }) }

    /// Whether this is the worker's thread; notes a call that may only be made there.
    func isHere(_ what: String) -> Bool {
        if pthread_equal(self.thread, pthread_self()) != 0 { return true }
        self.note("\(what) on a thread that is not the worker's: only the handler's own task may do that")
        return false
    }

    /// Something that the plugin interface forbids; the run that is in hand ends with it.
    func note(_ text: String) { self.misuse.withLock { $0 = $0 ?? text } }

    // MARK: On the worker's thread

    /// Whether the handler is to end early: what `isCancelled` gives.
    func shouldEnd() -> Bool {
        if self.endsEarly.load(ordering: .relaxed) { return true }
        guard let run = self.run, case .afterLooks(let count) = run.ending else { return false }
        run.looks += 1
        guard run.looks > count else { return false }
        self.endEarly()
        return true
    }

    private func work() {
        self.thread = pthread_self()
        while true {
            let items = self.mailbox.takeAll(waits: false)
            for item in items { self.carryOut(item) }
            self.finish()
            guard items.isEmpty else { continue }
            // From here on nothing goes on by itself.
            if let run = self.run {
                if run.ending == .whenItWaits, !run.isAsked { self.ask() } else { self.wait() }
            } else if !self.waiting.isEmpty {
                self.begin(self.waiting.removeFirst())
            } else if self.isClosing {
                break
            } else {
                self.wait()
            }
        }
        if self.isMade { self.handler.descriptor.pointee.drop(self.instance) }
    }

    private func wait() {
        for item in self.mailbox.takeAll(waits: true) { self.carryOut(item) }
    }

    private func carryOut(_ item: Mailbox.Item) {
        switch item {
        case .step(let function, let argument): function(argument)
        case .order(let order): order(self)
        }
    }

    private func make(_ options: [UInt8], _ reply: Reply<Void>) {
        do throws(JobTesterError) {
            self.instance = try self.handler.make(for: self, options: options)
            self.isMade = true
            reply.give(.success(()))
        } catch {
            self.isClosing = true
            reply.give(.failure(error))
        }
    }

    private func begin(_ run: TestRun) {
        self.run = run
        self.endsEarly.store(run.ending == .atOnce, ordering: .relaxed)
        if self.handler.isBatch {
            self.beginBatch(run)
        } else {
            for token in run.tokens { self.begin(token) }
        }
        if run.ending == .atOnce { self.ask() }
        self.finish()
    }

    private func begin(_ token: TestToken) {
        var message = token.begin()
        self.handler.descriptor.pointee.begin(self.instance, &message, token.pointer)
        if !self.handler.isAsync { token.completeIfForgotten() }
    }

    /// A batch that fails as a whole is begun again one by one, so that the guilty one alone fails.
    private func beginBatch(_ run: TestRun) {
        if run.tokens.isEmpty { return }
        let messages = run.tokens.map { $0.begin() }
        let tokens = run.tokens.map { Optional($0.pointer) }
        messages.withUnsafeBufferPointer { messages in
            let pointers = messages.indices.map { index in messages.baseAddress.map { $0 + index } }
            self.handler.descriptor.pointee.begin_batch(self.instance, pointers, tokens, tokens.count)
        }
        for token in run.tokens { token.completeIfForgotten() }
        let failed = run.tokens.filter { $0.failure != nil }
        run.failure = failed.first?.failure
        for token in failed { self.begin(token) }
    }

    /// Asks what is in hand to end.
    private func ask() {
        guard let run = self.run, !run.isAsked else { return }
        run.isAsked = true
        self.endsEarly.store(true, ordering: .relaxed)
        guard self.handler.isAsync, let cancel = self.handler.descriptor.pointee.cancel else { return }
        for token in run.tokens where token.isInHand { cancel(self.instance, token.pointer) }
    }

    private func finish() {
        guard let run = self.run, run.isOver else { return }
        self.run = nil
        let results = JobResults(
            messages: run.tokens.map(\.result),
            logs: self.logs,
            metrics: self.metrics,
            holds: self.holds,
            failure: run.failure
        )
        self.logs.removeAll()
        self.metrics.removeAll()
        self.holds.removeAll()
        for token in run.tokens { token.putDown() }
        self.past += run.tokens
        let misuse = self.misuse.withLock { note in
            defer { note = nil }
            return note
        }
        run.reply.give(misuse.map { .failure(JobTesterError(.misuse($0))) } ?? .success(results))
    }
}
