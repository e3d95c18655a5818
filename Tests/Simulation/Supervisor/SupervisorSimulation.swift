#if DEBUG
    import AMQPBroker
    import AMQPCore
    import AMQPWire
    import Logging
    import Millrace
    import MillraceHandler
    import NIOCore
    package import SimulatedThreads

    /// One run of a whole supervisor, with its threads, against a broker: all that happens follows from the seed.
    package struct SupervisorSimulation: Sendable {
        package let scene: Scene

        package init(seed: UInt64) { self.scene = Scene(seed: seed) }

        /// - Parameter log: Told of each line that the supervisor logs; nil keeps nothing.
        /// - Returns: What came of it, and what was wrong.
        package func run(log: (@Sendable (String) -> Void)? = nil) -> Conductor.Result {
            let conductor = Conductor(seed: self.scene.seed, self.scene.style)
            let place = Place(conductor, self.scene)
            conductor.network = place
            defer { conductor.network = nil }
            return conductor.run { [scene] in
                do {
                    try Play(scene, conductor, place, log).run()
                } catch {
                    conductor.fail("the simulator itself: \(error)")
                }
            }
        }
    }

    /// A supervisor at work.
    private struct Shift {
        /// What has come of it.
        // @unchecked Sendable: for the thread that holds the baton.
        final class End: @unchecked Sendable {
            var hasCome = false
            var isClean = false
        }
        let supervisor: Supervisor
        let main: WorkerThread
        let end: End

        init(_ supervisor: Supervisor) throws {
            let end = End()
            (self.supervisor, self.end) = (supervisor, end)
            self.main = try WorkerThread.start(name: "main") {
                end.isClean = supervisor.run() == .clean
                end.hasCome = true
            }
        }
    }

    /// What the first thread of a run does: all that comes from outside.
    final class Play {
        private let scene: Scene
        private let conductor: Conductor
        private let place: Place
        private let log: (@Sendable (String) -> Void)?
        private let bell = Place.makeBell()
        private let begin: UInt64
        private var count = 0
        private var versions = 0

        init(_ scene: Scene, _ conductor: Conductor, _ place: Place, _ log: (@Sendable (String) -> Void)?) {
            self.scene = scene
            self.conductor = conductor
            self.place = place
            self.log = log
            self.begin = conductor.now()
        }

        private func startShift() throws -> Shift {
            let loaded = try Self.load(self.scene, self.versions)
            var options = SupervisorOptions()
            let loop = try Loop(self.conductor)
            options.makeEventLoops = { loop }
            let (log, conductor) = (self.log, self.conductor)
            return try Shift(
                Supervisor(
                    file: loaded.file,
                    registry: loaded.registry,
                    options: options,
                    logger: Logger(label: "millrace.simulated") { _ in SimulatedLog(log, conductor) }
                )
            )
        }

        /// As SIGTERM does, whatever is in hand; what is wrong with its end is found here.
        private func end(_ shift: Shift) {
            let began = self.conductor.now()
            shift.supervisor.stop()
            if !self.await(within: 120, { shift.end.hasCome }) {
                self.conductor.fail("the supervisor does not end: \(self.conductor.standing)")
            }
            shift.main.join()
            let seconds = Double(self.conductor.now() - began) / 1e9
            if !self.scene.hasFaults, !shift.end.isClean || seconds > 10 {
                self.conductor.fail(
                    "the drain took \(seconds) seconds, and was \(shift.end.isClean ? "" : "not ")clean"
                )
            }
        }

        private static let plugin = MillracePlugin(
            name: "sim",
            [.sync("sim.work", SimulatedWork.self), .sync("sim.tick", SimulatedTick.self)]
        )

        private static func load(_ scene: Scene, _ version: Int) throws -> LoadedFile {
            let draft = try JobFileDraft(bytes: Array(scene.file(version).utf8), file: "jobs.yaml", environment: [:])
            var registry = PluginRegistry()
            try registry.add(linkedIn: Self.plugin.descriptor)
            let identity = FileIdentity(path: "jobs.yaml", digest: "\(version)")
            return LoadedFile(file: try draft.finish(), registry: registry, identity: identity)
        }

        private func sleep(until time: UInt64) {
            while self.conductor.now() < time { self.conductor.rest(self.bell, until: time) }
        }

        /// Looks every 100 ms whether something is so.
        private func await(within seconds: UInt64, _ isSo: () -> Bool) -> Bool {
            let deadline = self.conductor.now() + seconds * 1_000_000_000
            while !isSo() {
                guard self.conductor.now() < deadline else { return false }
                self.sleep(until: self.conductor.now() + 100_000_000)
            }
            return true
        }

        func run() throws {
            let place = self.place
            try WorkerThread.start(name: "broker") { place.run() }.detach()
            var shift = try self.startShift()
            for act in self.scene.acts {
                self.sleep(until: self.begin + act.at * 1_000_000)
                self.conductor.note(act.at)
                if act.what == .drain {
                    self.end(shift)
                    shift = try self.startShift()
                } else {
                    self.perform(act, shift.supervisor)
                }
            }
            self.sleep(until: self.begin + Scene.horizon * 1_000_000)
            self.place.isHealed = true
            self.place.setAlarm(false)
            self.pause(false, shift.supervisor)
            if !self.await(within: 300, { self.place.oracle.isWorkedOff }) {
                self.conductor.fail("not worked off in 300 seconds: \(self.place.oracle.rest)")
            }
            self.end(shift)
            // What nobody waits for has a moment to end.
            _ = self.await(within: 10) {
                self.conductor.living.allSatisfy { ["root", "broker"].contains($0) }
                    && self.place.broker.connectionIDs.isEmpty
            }
            let left = self.conductor.living.filter { !["root", "broker"].contains($0) }
            if !left.isEmpty { self.conductor.fail("threads that do not end: \(self.conductor.standing)") }
            self.place.oracle.checkEnd()
            self.place.end()
            self.bell.deallocate()
        }

        private func perform(_ act: Scene.Act, _ supervisor: Supervisor) {
            switch act.what {
            case .publish: for _ in 0..<act.amount { self.publish() }
            case .scale: supervisor.ask(.scale(job: "work", .fixed(act.amount), self.note)) { _ in }
            case .pause: self.pause(true, supervisor)
            case .resume: self.pause(false, supervisor)
            case .restart: supervisor.ask(.restart(job: "work", self.note)) { _ in }
            case .reload:
                self.versions += 1
                guard let loaded = try? Self.load(self.scene, self.versions) else { return }
                supervisor.ask(.reload(loaded, plan: nil, self.note)) { _ in }
            case .drain: break  // the shift's
            case .cut: self.place.cut()
            case .closeConnection: self.place.closeConnection()
            case .closeChannels: self.place.closeChannels(of: "in")
            case .refuse:
                let queue = act.amount % 2 == 0 ? "in.dead" : "out"
                self.place.setRefusing(true, queue)
                self.sleep(until: self.conductor.now() + UInt64(act.amount) * 500_000_000)
                self.place.setRefusing(false, queue)
            case .block:
                self.place.setAlarm(true)
                self.sleep(until: self.conductor.now() + UInt64(act.amount) * 500_000_000)
                self.place.setAlarm(false)
            }
        }

        private var note: ChangeNote { ChangeNote(actor: "the simulator", since: self.conductor.timeOfDay() / 1000) }
        private func pause(_ isPaused: Bool, _ supervisor: Supervisor) {
            supervisor.ask(.setPause(job: "work", isPaused: isPaused, self.note)) { _ in }
        }

        /// As soon as there is a queue for it.
        private func publish() {
            self.count += 1
            let id = "m-\(self.count)"
            let isTaken = self.await(within: 120) {
                self.place.put(id)
            }
            if !isTaken { self.conductor.fail("no queue for \(id) in 120 seconds") }
        }
    }

    extension Place {
        /// - Returns: false if there is no queue for it yet.
        func put(_ id: String) -> Bool {
            guard self.broker.queues().contains(where: { $0.name == "in" }) else { return false }
            self.oracle.published(id)
            _ = self.change { broker, now in
                try? broker.put(
                    Array(id.utf8),
                    BasicProperties(deliveryMode: 2, messageID: id),
                    exchange: "",
                    routingKey: "in",
                    now: now
                )
            }
            return true
        }
    }

    /// What the supervisor logs, for people who look at one seed.
    struct SimulatedLog: LogHandler {
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level
        private let tell: (@Sendable (String) -> Void)?
        private let conductor: Conductor

        init(_ tell: (@Sendable (String) -> Void)?, _ conductor: Conductor) {
            self.tell = tell
            self.conductor = conductor
            self.logLevel = tell == nil ? .critical : .debug
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = self.metadata.merging(event.metadata ?? [:]) { _, new in new }
            let tail = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            let time = self.conductor.now() / 1_000_000 - 1_000_000
            self.tell?("\(time) ms \(event.level): \(event.message)\(tail)")
        }
    }
#endif
