import CMillraceABI
import MillraceHandler
import MillraceTesting
import Testing

/// Plugins that keep to no framework, and those that break the interface's rules.
@Suite struct ForeignPluginTests {
    /// A handler in C's manner: its body's first octet says what it does.
    nonisolated(unsafe) private static let handler: UnsafePointer<millrace_handler> = {  // filled once, then only read
        let handler = UnsafeMutablePointer<millrace_handler>.allocate(capacity: 1)
        let name = UnsafeMutablePointer<CChar>.allocate(capacity: 4)
        for (index, octet) in "c.h\0".utf8CString.dropLast().enumerated() { name[index] = octet }
        handler.initialize(
            to: millrace_handler(
                size: MemoryLayout<millrace_handler>.size,
                name: UnsafePointer(name),
                flags: 0,
                context: nil,
                make: { _, host, _, _, instance, _ in
                    instance?.pointee = UnsafeMutableRawPointer(mutating: UnsafeRawPointer(host))
                    return host == nil ? 1 : 0
                },
                begin: { instance, message, token in
                    guard let host = instance?.assumingMemoryBound(to: millrace_host.self), let message else { return }
                    var outcome = millrace_outcome()
                    outcome.size = MemoryLayout<millrace_outcome>.size
                    switch message.pointee.body.data?.pointee {
                    case UInt8(ascii: "2"):
                        host.pointee.complete(token, &outcome)
                        outcome.kind = MILLRACE_REJECT.rawValue
                        host.pointee.complete(token, &outcome)
                    case UInt8(ascii: "9"):
                        outcome.kind = 9
                        host.pointee.complete(token, &outcome)
                    case UInt8(ascii: "s"):
                        outcome.kind = MILLRACE_SNOOZE.rawValue
                        outcome.delay_ns = .max
                        host.pointee.complete(token, &outcome)
                    case UInt8(ascii: "p"):
                        var publication = millrace_publication()
                        let short = host.pointee.publish(token, &publication)
                        publication.size = MemoryLayout<millrace_publication>.size
                        publication.header_count = 1
                        let null = host.pointee.publish(token, &publication)
                        publication.header_count = 0
                        publication.body.length = 1
                        let noBody = host.pointee.publish(token, &publication)
                        publication.body.length = 0
                        let good = host.pointee.publish(token, &publication)
                        if [short, null, noBody, good] != [2, 2, 2, 0] { return }
                        host.pointee.complete(token, &outcome)
                    default: return
                    }
                },
                cancel: nil,
                drop: { _ in },
                begin_batch: nil
            )
        )
        return UnsafePointer(handler)
    }()

    private static func plugin(version: UInt32 = 1) -> PluginDescriptor {
        let handlers = UnsafeMutablePointer<UnsafePointer<millrace_handler>?>.allocate(capacity: 1)
        handlers.initialize(to: Self.handler)
        let descriptor = UnsafeMutablePointer<millrace_plugin_descriptor>.allocate(capacity: 1)
        descriptor.initialize(
            to: millrace_plugin_descriptor(
                size: MemoryLayout<millrace_plugin_descriptor>.size,
                abi_version: version,
                name: Self.handler.pointee.name,
                built_with: nil,
                handler_count: 1,
                handlers: UnsafePointer(handlers)
            )
        )
        return UnsafePointer(descriptor)
    }

    private func run(_ body: TestMessage) async throws -> JobResult {
        try await JobTester(plugin: Self.plugin(), handler: "c.h").run(body)
    }

    @Test func `a second outcome is ignored, and the log says so`() async throws {
        let result = try await self.run("2")
        #expect(result.outcome == .ack)
        #expect(
            result.logs == [
                LogLine(.error, "a handler completed the same delivery twice; the second outcome is ignored")
            ]
        )
    }

    @Test func `no outcome is a retry`() async throws {
        #expect(try await self.run("x").outcome == .retry("the handler returned without an outcome"))
    }

    @Test func `an outcome that there is not is a reject`() async throws {
        #expect(
            try await self.run("9").outcome == .reject("the handler gave outcome 9, which ABI version 1 does not have")
        )
    }

    @Test func `the longest snooze is no overflow`() async throws {
        #expect(
            try await self.run("s").outcome
                == .snooze(Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 709_551_615_000_000_000))
        )
    }

    @Test func `publications that the interface forbids are refused`() async throws {
        let result = try await self.run("p")
        #expect(result.outcome == .ack)
        #expect(result.outputs.count == 1)
    }

    @Test func `a plugin of another version is refused`() async throws {
        let error = await #expect(throws: JobTesterError.self) {
            try await JobTester(plugin: Self.plugin(version: 7), handler: "c.h")
        }
        #expect(
            error?.description
                == "the plugin's descriptor is malformed: it was built for plugin ABI 7, this kit has ABI 1"
        )
    }

    @Test func `what another thread does with a context is an error, not a crash`() async throws {
        let tester = try await JobTester(awaiting: { message, context in
            await Task.detached {
                context.log("from elsewhere")
                context.count("elsewhere")
            }.value
            return .ack
        })
        let error = await #expect(throws: JobTesterError.self) { try await tester.run("x") }
        #expect(
            error?.description
                == "the supervisor would not survive this: log on a thread that is not the worker's: only the handler's"
                + " own task may do that"
        )
        #expect(try await JobTester { _, _ in .ack }.run("x").outcome == .ack)
    }

    @Test func `a context that was kept publishes nothing any more`() async throws {
        let kept = Kept()
        let tester = try await JobTester { _, context in
            if let old = kept.context {
                do { try old.publish([1], routingKey: "late") } catch { return .reject("refused") }
            }
            kept.context = context
            return .ack
        }
        #expect(try await tester.run("x").outcome == .ack)
        let second = try await tester.run("x")
        #expect(second.outcome == .reject("refused"))
        #expect(second.dropped.isEmpty)
    }

    // @unchecked Sendable: touched on the tester's one thread alone.
    private final class Kept: @unchecked Sendable { var context: JobContext? }
}
