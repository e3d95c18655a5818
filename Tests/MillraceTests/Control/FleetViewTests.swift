import AMQPWire
import Millrace
import TestSupport
import Testing

@Suite struct FleetViewTests {
    private static func answer(
        _ pid: Int,
        build: String = "1.0",
        digest: String = "aaaaaaaa11111111",
        consuming: Int = 4,
        isReady: Bool = true
    ) -> FleetAnswer {
        FleetAnswer(
            id: "\(pid)",
            host: "h",
            processID: pid,
            node: "b:5672",
            build: build,
            file: "jobs.yaml",
            digest: digest,
            started: 100,
            isReady: isReady,
            isDraining: false,
            jobs: [
                .init(
                    name: "orders",
                    queue: "q",
                    state: "running",
                    threads: 4,
                    consuming: consuming,
                    inHand: 1,
                    perSecond: 2.5
                )
            ]
        )
    }

    @Test func `when all is well there is nothing to say, and jobs are summed up`() {
        let view = FleetView("shop", [Self.answer(2), Self.answer(1)], consumers: ["q": 8], expected: 2)
        #expect(view.findings == [] && !view.isDegraded)
        let lines = view.text(now: 160).split(separator: "\n").map(String.init)
        #expect(lines[0] == "fleet shop: 2 supervisors")
        #expect(lines[3].hasPrefix("h/1 ") && lines[3].contains("aaaaaaaa") && lines[3].contains("1m"))
        #expect(lines.contains { $0.hasPrefix("orders") && $0.contains("2 running") && $0.contains("8/8") })
    }

    @Test func `a job with several queues tells of each, and what it says is read again`() throws {
        var answer = Self.answer(1)
        answer.jobs[0].consumers = ["q": 4, "r": 3]
        #expect(FleetAnswer(answer.value) == answer)
        let well = FleetView("shop", [answer], consumers: ["q": 4, "r": 3])
        #expect(well.findings == [])
        let lost = FleetView("shop", [answer], consumers: ["q": 4, "r": 4])
        #expect(lost.findings.count == 1 && lost.findings[0].hasPrefix("queue 'r' has 4 consumers"))
    }

    @Test func `who is missing, frozen, of another build or file, or not ready is named`() {
        func findings(_ answers: [FleetAnswer], _ consumers: Int, _ expected: Int? = nil) -> [String] {
            FleetView("shop", answers, consumers: ["q": consumers], expected: expected).findings
        }
        #expect(findings([], 0) == ["no supervisor of fleet 'shop' answers"])
        #expect(findings([Self.answer(1)], 4, 3) == ["1 supervisor of 3 answered"])
        #expect(
            findings([Self.answer(1)], 8).first?.hasPrefix("queue 'q' has 8 consumers and the answers tell of 4:")
                == true
        )
        let builds = findings([Self.answer(1), Self.answer(2), Self.answer(3, build: "0.9")], 12)
        #expect(builds == ["the build differs: 1.0 on h/1, h/2; 0.9 on h/3"])
        let files = findings([Self.answer(1), Self.answer(2, digest: "bbbbbbbb22222222")], 8)
        #expect(files == ["the job file differs: aaaaaaaa on h/1; bbbbbbbb on h/2"])
        #expect(findings([Self.answer(1, isReady: false)], 4).first?.hasPrefix("h/1 is not ready") == true)
    }

    @Test func `an answer is read as it was written, also with more in it; anything else is none`() {
        let answer = Self.answer(1)
        #expect(FleetAnswer(answer.value) == answer)
        guard case .object(let members) = answer.value else { return #expect(Bool(false)) }
        #expect(FleetAnswer(.object(members + [.init(key: "later", value: .bool(true))])) == answer)
        for index in members.indices {
            var less = members
            less.remove(at: index)
            #expect(FleetAnswer(.object(less)) == nil, "\(members[index].key)")
            var odd = members
            odd[index] = .init(key: members[index].key, value: .null)
            #expect(FleetAnswer(.object(odd)) == nil, "\(members[index].key)")
        }
        #expect(FleetAnswer(.null) == nil && FleetAnswer(.array([])) == nil)
    }

    @Test func `a question is answered to its asker alone, never into a queue that somebody names`() {
        func reply(_ change: (inout BasicProperties) -> Void) -> String? {
            var question = FleetWords.ask("7")
            question.replyTo = "amq.rabbitmq.reply-to.abc"
            change(&question)
            return FleetWords.reply(to: question)?.routingKey
        }
        #expect(reply { _ in } == "amq.rabbitmq.reply-to.abc")
        #expect(reply { $0.replyTo = "orders" } == nil)
        #expect(reply { $0.replyTo = nil } == nil)
        #expect(reply { $0.type = "other" } == nil)
        #expect(reply { $0.correlationID = nil } == nil)
        #expect(reply { $0.correlationID = String(repeating: "7", count: 65) } == nil)
    }

    @Test func `what is no answer to this question is not believed`() {
        var question = FleetWords.ask("7")
        question.replyTo = "amq.rabbitmq.reply-to.abc"
        let properties = FleetWords.reply(to: question)?.properties ?? BasicProperties()
        let body = Array(Self.answer(1).value.json.utf8)
        #expect(FleetWords.answer(properties, body, to: "7") == Self.answer(1))
        #expect(FleetWords.answer(properties, body, to: "8") == nil)
        #expect(FleetWords.answer(question, body, to: "7") == nil)
        #expect(FleetWords.answer(properties, Array(body.dropLast()), to: "7") == nil)
        #expect(FleetWords.answer(properties, body + Array(repeating: 0x20, count: 300_000), to: "7") == nil)
    }
}
