import CMillraceABI
import MillraceHandler
import Testing

/// Reads an option with each message.
private struct KeepingHandler: SyncJobHandler {
    private let options: HandlerOptions

    init(_ options: HandlerOptions) throws {
        _ = try options.int("first")
        self.options = options
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        _ = try self.options.int("later")
        return .ack
    }
}

@Suite
struct PluginDescriptorTests {
    private static let plugin = MillracePlugin(
        name: "tests",
        [.sync("tests.now", ScriptHandler.self), .async("tests.later", WaitingHandler.self)]
    )

    @Test func `the descriptor says what the plugin is`() {
        let descriptor = Self.plugin.descriptor.pointee
        #expect(descriptor.size == MemoryLayout<millrace_plugin_descriptor>.size)
        #expect(descriptor.abi_version == 1)
        #expect(String(cString: descriptor.name) == "tests")
        #expect(String(cString: descriptor.built_with).hasPrefix("Swift 6."))
        #expect(descriptor.handler_count == 2)
    }

    @Test func `each handler has its name and its flags`() throws {
        let handlers = try (0..<2).map { try #require(Self.plugin.descriptor.pointee.handlers[$0]).pointee }
        #expect(handlers.map { String(cString: $0.name) } == ["tests.now", "tests.later"])
        #expect(handlers.map(\.flags) == [0, UInt32(MILLRACE_HANDLER_ASYNC)])
        #expect(handlers.allSatisfy { $0.size == MemoryLayout<millrace_handler>.size })
        #expect(handlers.allSatisfy { $0.make != nil && $0.begin != nil && $0.cancel != nil && $0.drop != nil })
    }

    @Test func `the descriptor stays the same pointer`() {
        #expect(Self.plugin.descriptor == Self.plugin.descriptor)
        let copy = Self.plugin
        #expect(copy.descriptor == Self.plugin.descriptor)
    }

    @Test func `a plugin without handlers is a plugin`() {
        let empty = MillracePlugin(name: "empty", [])
        #expect(empty.descriptor.pointee.handler_count == 0)
    }

    @Test func `what init throws is reported as text`() {
        let refusal = #expect(throws: FakeHost.Refusal.self) {
            try FakeHost().make(Self.plugin, options: #"{"fail":"no röot folder"}"#)
        }
        #expect(refusal?.text == "no röot folder")
        #expect(refusal?.code == 1)
    }

    @Test func `a wrong option is reported with its key`() {
        let refusal = #expect(throws: FakeHost.Refusal.self) {
            try FakeHost().make(Self.plugin, options: #"{"number":"seven"}"#)
        }
        #expect(refusal?.text == "option 'number' must be a whole number")
    }

    @Test func `a host is told what was read of the options, one that is too old for it is not`() throws {
        let (host, old) = (FakeHost(), FakeHost())
        let options = #"{"number":7,"nubmer":8}"#
        _ = try host.make(Self.plugin, options: options)
        #expect(host.optionsRead == ["/fail", "/number"])
        _ = try old.make(Self.plugin, options: options, table: FakeHost.firstTable)
        #expect(old.optionsRead == nil)
    }

    @Test func `who keeps the options may read them later: nothing is told`() throws {
        let host = FakeHost()
        let plugin = MillracePlugin(name: "keeping", [.sync("keeping.all", KeepingHandler.self)])
        let instance = try host.make(plugin, options: #"{"first":1,"later":2}"#)
        #expect(host.optionsRead == nil)
        withExtendedLifetime(instance) {}
    }

    @Test(arguments: ["", "[]", "{", "7"])
    func `options that are no JSON object are refused`(options: String) {
        let refusal = #expect(throws: FakeHost.Refusal.self) { try FakeHost().make(Self.plugin, options: options) }
        #expect(refusal?.text == "option 'with' is not a JSON object")
    }
}
