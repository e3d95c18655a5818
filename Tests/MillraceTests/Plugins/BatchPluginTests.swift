import Millrace
import Testing

/// Plugins whose handlers take batches, and those that were built before there were any.
@Suite struct BatchPluginTests {
    private let fixture: PluginFixture

    init() throws { self.fixture = try PluginFixture() }

    @Test func `a handler that takes batches is known as one; a shorter descriptor is one that takes none`() throws {
        let plugin = try Plugin(path: try self.fixture.library("batch"))
        #expect(plugin.handlers.map(\.name) == ["fixture.all", "fixture.old"])
        #expect(plugin.handlers.map(\.isBatch) == [true, false])
    }

    @Test(arguments: [
        ("batch-without-begin", "handler 'fixture.all' lacks begin_batch"),
        ("batch-too-old", "handler 'fixture.all' lacks begin_batch"),
        ("batch-async", "handler 'fixture.all' takes batches and is async; this version has no such handlers"),
    ])
    func `a descriptor that contradicts itself is refused`(name: String, sentence: String) throws {
        let path = try self.fixture.library(name)
        let expected = "plugin \(path): its descriptor is malformed: \(sentence); rebuild the plugin"
        #expect(PluginFixture.sentence(path) == expected)
    }

    @Test func `a batch for a handler that takes none is refused before the start`() throws {
        let (registry, _) = PluginRegistry.load([try self.fixture.library("batch")])
        let text = """
            version: 1
            connection: { uri: amqp://localhost }
            jobs:
              good: { queue: q, handler: fixture.all, batch: { size: 5 } }
              default: { queue: q, handler: fixture.all }
              wrong: { queue: q, handler: fixture.old, batch: { size: 5 } }
            """
        let jobs = try JobFileFixture.parse(text).jobs
        #expect(try registry.handler(for: jobs[0]).isBatch)
        #expect(try registry.handler(for: jobs[1]).isBatch)
        let error = #expect(throws: PluginError.self) { try registry.handler(for: jobs[2]) }
        #expect(
            error?.description == "handler 'fixture.old' gets its messages one by one, and its job has 'batch';"
                + " leave 'batch' out, or write a BatchHandler"
        )
    }
}
