import AMQPClient
import Millrace
import TestSupport
import Testing

/// A connection cut, and a broker killed, between a commit and its commit-ok, between a publish and its confirm: no input
/// is lost, and no output of an acked one.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct MidCommitTests {
    private static let modes = [
        "{ mode: confirm }", "{ mode: confirm, batch: { size: 8, timeout: 5ms } }", "{ mode: tx }",
        "{ mode: tx, batch: { size: 8, timeout: 5ms } }",
    ]
    private static let messages = (0..<200).map(String.init)

    private static func answer(_ mode: String) -> [UInt8] { mode.contains("tx") ? CutRig.commitOk : CutRig.confirm }

    private func rig(_ mode: String, to broker: Endpoint, _ proxy: CuttingProxy) throws -> CutRig {
        try CutRig(to: broker, proxy, job: "    publish: \(mode)", messages: Self.messages)
    }

    /// Counts what came out of it.
    ///
    /// - Returns: How many outputs are there more than once.
    private func duplicates(_ rig: CutRig, _ mode: String) throws -> Int {
        #expect(try rig.take(rig.input) == [:], "inputs stay in their queue")
        let outputs = try rig.take(rig.output)
        let lost = Self.messages.filter { outputs[$0] == nil }
        #expect(lost == [], "outputs lost")
        #expect(outputs.count == Self.messages.count)
        let duplicates = outputs.values.reduce(0) { $0 + $1 - 1 }
        print("\(mode): \(Self.messages.count) inputs, \(lost.count) lost, \(duplicates) duplicates")
        return duplicates
    }

    @Test(arguments: Self.modes)
    func `cut before the answer comes: the broker has the outputs, their inputs come again`(mode: String) throws {
        let broker = try Broker.endpoint()
        let proxy = try CuttingProxy(to: broker, withholding: Self.answer(mode), after: 2)
        let rig = try self.rig(mode, to: broker, proxy)
        try rig.run {
            #expect(proxy.waitUntilWithholding())
            #expect(proxy.cut() > 0)
        }
        #expect(try self.duplicates(rig, mode) > 0)
    }

    @Test(arguments: Self.modes)
    func `cut before the request arrives: the broker has nothing of it, and nothing is there twice`(
        mode: String
    ) throws {
        let broker = try Broker.endpoint()
        let request = mode.contains("tx") ? CutRig.commit : CutRig.publish
        let proxy = try CuttingProxy(to: broker, cuttingAt: request, once: true)
        let rig = try self.rig(mode, to: broker, proxy)
        try rig.run()
        #expect(proxy.sourcePorts.count > 1)
        #expect(try self.duplicates(rig, mode) == 0)
    }

    @Test(arguments: ["{ mode: confirm }", "{ mode: tx, batch: { size: 8, timeout: 5ms } }"])
    func `the broker killed before its answer comes: none lost, what it had answered is there twice`(
        mode: String
    ) throws {
        let broker = try ChaosBroker(nodes: 1)
        defer { broker.stop() }
        let proxy = try CuttingProxy(to: broker.endpoints[0], withholding: Self.answer(mode), after: 2)
        let rig = try self.rig(mode, to: broker.endpoints[0], proxy)
        try rig.run {
            #expect(proxy.waitUntilWithholding())
            try broker.kill(node: 0)
            try broker.act("start")
        }
        #expect(proxy.sourcePorts.count > 1)
        #expect(try self.duplicates(rig, mode) > 0)
    }

    /// What is on its way to where it waits, or rests.
    ///
    /// It waits for longer than the broker takes to confirm it: a copy that comes back before that may well be settled.
    enum Copy: String, CaseIterable { case retry, reject, snooze = "snooze long" }

    private func copyRig(_ copy: Copy, _ proxy: CuttingProxy) throws -> CutRig {
        let retry = "    retry: { max_attempts: 3, initial_interval: 3s, jitter: 0 }"
        return try CutRig(
            to: try Broker.endpoint(),
            proxy,
            handler: "say.sync",
            job: retry,
            messages: [copy.rawValue]
        )
    }

    @Test(arguments: Copy.allCases)
    func `a copy whose confirm is cut off does not settle its original: both come`(copy: Copy) throws {
        let proxy = try CuttingProxy(to: try Broker.endpoint(), withholding: CutRig.confirm)
        let rig = try self.copyRig(copy, proxy)
        try rig.run {
            #expect(proxy.waitUntilWithholding())
            #expect(rig.supervisor.counts.settled == 0)
            #expect(proxy.cut() > 0)
        }
        let counts = rig.supervisor.counts
        if copy == .reject {
            #expect(counts.acked == 0, "\(counts)")
            #expect(try rig.take(rig.input + ".dead") == ["reject": 2])
            #expect(try rig.take(rig.input) == [:])
        } else {
            // The run does not wait for a copy that it does not know to be there.
            let waiting = try rig.take(rig.input + ".delay.1s")
            let back = try rig.take(rig.input)
            #expect(counts.acked + (waiting[copy.rawValue] ?? 0) + (back[copy.rawValue] ?? 0) == 2, "\(counts)")
        }
        #expect(try rig.take(rig.output) == [:])
    }

    @Test(arguments: Copy.allCases)
    func `a copy that does not arrive leaves its original: it comes once`(copy: Copy) throws {
        let proxy = try CuttingProxy(to: try Broker.endpoint(), cuttingAt: CutRig.publish, once: true)
        let rig = try self.copyRig(copy, proxy)
        try rig.run()
        #expect(rig.supervisor.counts.acked == (copy == .reject ? 0 : 1), "\(rig.supervisor.counts)")
        if copy == .reject { #expect(try rig.take(rig.input + ".dead") == ["reject": 1]) }
        for queue in [rig.input, rig.output] { #expect(try rig.take(queue) == [:]) }
    }
}
