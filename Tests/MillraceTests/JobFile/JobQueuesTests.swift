import Millrace
import Testing

/// `queues` of a job, beside `queue`.
@Suite struct JobQueuesTests {
    private func parse(_ job: String, more: String = "") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: amqp://a }
            \(more)
            jobs:
              work: { \(job), handler: p.a }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func errors(_ job: String, more: String = "") -> [String] {
        do {
            _ = try self.parse(job, more: more)
            return []
        } catch let error as JobFileError {
            return error.diagnostics.map(\.message)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `several are consumed in the order of the file, one list with one name is a queue`() throws {
        let job = try #require(try self.parse("queues: [a, b, c]").jobs.first)
        #expect(job.queue == "a" && job.furtherQueues == ["b", "c"] && job.queues == ["a", "b", "c"])
        let one = try #require(try self.parse("queues: [a]").jobs.first)
        #expect(one.queues == ["a"])
        #expect(try self.parse("queue: a").jobs.first?.queues == ["a"])
    }

    @Test func `one of both is there, no name twice, and the list is not empty`() {
        #expect(self.errors("threads: 1") == ["job 'work' has no 'queue'"])
        #expect(self.errors("queue: a, queues: [b]") == ["job 'work' has 'queue' and 'queues'"])
        #expect(self.errors("queues: [a, b, a]") == ["'a' is in 'queues' twice"])
        #expect(self.errors("queues: []") == ["'queues' of job 'work' is empty"])
        #expect(self.errors("queues: ").count == 1)
        #expect(self.errors("queues: a").count == 1)
        #expect(self.errors("queues: [a, [b]]").count == 1)
        #expect(self.errors("queues: [\((0...100).map { "q\($0)" }.joined(separator: ", "))]").count == 1)
        #expect(self.errors("queue_name: a") == ["'queue_name' is called 'queue' here: the name alone"])
    }

    @Test func `each is declared, each gets its prefix, and a schedule may name any`() throws {
        let file = try self.parse(
            "queues: [a, b]",
            more: "names: { prefix: t- }\nqueues: { b: { type: quorum, dead_letter: { routing_key: d } } }"
                + "\nschedules: { s: { every: 1h, queue: b, body: x } }"
        )
        #expect(file.jobs[0].queues == ["t-a", "t-b"])
        #expect(file.warnings == [])
        let items = file.declarations().map { "\($0.item)" }
        #expect(items.contains { $0.contains("t-a") } && items.contains { $0.contains("t-b") })
        #expect(file.declarations().filter { $0.isOfJob }.count == 2)
    }

    @Test func `what is wrong with the second queue is said of it`() throws {
        let file = try self.parse("queues: [a, b]", more: "queues: { b: { type: quorum } }")
        #expect(file.warnings.map(\.id) == ["no-dead-letter"])
        let slip = try self.parse("queues: [orders, ordrs]", more: "queues: { orders: {} }")
        #expect(slip.warnings.map(\.id) == ["unknown-queue"])
    }

    @Test func `a circle of dead letters by the second queue is found`() throws {
        let error = #expect(throws: (any Error).self) {
            _ = try self.parse(
                "queues: [a, b], on_failure: reject",
                more: "queues: { b: { dead_letter: { routing_key: b } } }"
            )
        }
        #expect(error.map { "\($0)".contains("dead letters go round from 'b' to 'b'") } == true)
    }

    @Test func `the last of the messages that all queues may prefetch is what the broker may wait for`() throws {
        let one = try self.parse("queue: a, prefetch: 10, timeout: 2m")
        #expect(one.warnings == [])
        let two = try self.parse("queues: [a, b], prefetch: 10, timeout: 2m")
        #expect(two.warnings.map(\.id) == ["consumer-timeout"])
        #expect(two.warnings.first?.message.contains("the last of 20 prefetched messages") == true)
    }

    @Test func `dead letters of several queues are in one place, or their queue has to be named`() throws {
        let shared = try self.parse(
            "queues: [a, b]",
            more: "queues: { a: { dead_letter: { routing_key: d } }, b: { dead_letter: { routing_key: d } } }"
        )
        #expect(try shared.deadLetterQueue(of: shared.jobs[0]) == "d")
        let apart = try self.parse("queues: [a, b]")
        #expect(apart.jobs(withDeadLettersIn: "b.dead") == ["work"])
        #expect(throws: FailedMessageError.self) { try apart.deadLetterQueue(of: apart.jobs[0]) }
        do throws(FailedMessageError) {
            _ = try apart.deadLetterQueue(of: apart.jobs[0])
        } catch {
            #expect(error.description.contains("'a.dead', 'b.dead'; name the one with --queue"))
        }
    }

    @Test func `a file with another second queue is another one`() throws {
        func digest(_ variable: String) throws -> String {
            let text =
                "version: 1\nconnection: { uri: amqp://a }\njobs: { work: { queues: [a, \"${Q}\"], handler: p.a } }\n"
            let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: ["Q": variable])
            return draft.digest(of: try draft.finish())
        }
        let (first, again, other) = (try digest("x"), try digest("x"), try digest("y"))
        #expect(first == again)
        #expect(first != other)
    }
}
