#if DEBUG
    import AMQPBroker
    import AMQPWire
    import SimulatedThreads

    /// What is promised of messages, and whether it is kept: looked at whenever the broker has done something.
    final class Oracle {
        /// What a handler has said of a message.
        struct Story {
            var begun = 0
            /// Outcomes after which it comes again.
            var returns = 0
            /// A handler has said that it is done.
            var isDone = false
            var isRejected = false
        }
        private unowned let place: Place
        private let scene: Scene
        private(set) var stories: [String: Story] = [:]
        private(set) var ticks: [String] = []
        /// Messages in the queues at the last look.
        private var present: Set<String> = []
        private var dead: Set<String> = []
        private var outputs: Set<String> = []

        init(_ place: Place, _ scene: Scene) {
            self.place = place
            self.scene = scene
        }

        private func fail(_ text: String) -> Never { self.place.conductor.fail(text) }

        func published(_ id: String) { self.stories[id] = Story() }

        /// A handler has a message.
        ///
        /// - Returns: How often one had it before.
        func begins(_ id: String) -> Int {
            guard let story = self.stories[id] else { self.fail("message \(id) was never published") }
            if story.isDone, !self.scene.hasFaults { self.fail("message \(id) comes again, and it was done") }
            if story.begun > story.returns, !self.scene.hasFaults {
                self.fail(
                    "message \(id) is given to a handler \(story.begun + 1) times, and was to come again \(story.returns) times"
                )
            }
            self.stories[id]?.begun += 1
            self.place.conductor.note(UInt64(story.begun))
            return story.begun
        }

        func ends(_ id: String, comesAgain: Bool, isRejected: Bool = false) {
            if comesAgain {
                self.stories[id]?.returns += 1
            } else if isRejected {
                self.stories[id]?.isRejected = true
            } else {
                self.stories[id]?.isDone = true
            }
        }

        func ticked(_ id: String) {
            if !self.scene.hasFaults, self.ticks.contains(id) { self.fail("tick \(id) comes twice") }
            self.ticks.append(id)
        }

        // MARK: After each step of the broker

        /// What was not done is in some queue; what is gone has its output.
        func look() {
            (self.present, self.dead, self.outputs) = ([], [], [])
            var ticks: Set<String> = []
            for queue in self.place.broker.queues() {
                for entry in self.place.broker.messages(of: queue.name) {
                    let text = String(decoding: entry.message.body, as: UTF8.self)
                    if queue.name == "in.dead" { self.dead.insert(text) }
                    if queue.name == "out" { self.outputs.insert(text) }
                    if queue.name == "beats" { self.add(entry.message, to: &ticks) }
                    self.present.insert(text)
                }
            }
            for message in self.place.broker.messagesInHand {
                self.present.insert(String(decoding: message.body, as: UTF8.self))
            }
            // A clock queue has copies: they are its tokens.
            for message in self.place.broker.messagesInHand(of: "beats") { self.add(message, to: &ticks) }
            for id in self.stories.keys.sorted() where !self.present.contains(id) {
                guard let story = self.stories[id] else { continue }
                if !story.isDone { self.fail("message \(id) is in no queue, and no handler has done it") }
                if !self.outputs.contains("did \(id)") {
                    self.fail("message \(id) is gone, and its output is in no queue")
                }
            }
        }

        /// No tick is there twice, whatever has gone wrong.
        private func add(_ message: AMQPBroker.Message, to ticks: inout Set<String>) {
            let id = message.properties.messageID ?? ""
            if !ticks.insert(id).inserted { self.fail("tick \(id) is there twice") }
        }

        /// Whether nothing is left to be done.
        var isWorkedOff: Bool {
            self.stories.allSatisfy { id, story in
                self.dead.contains(id) || story.isDone && !self.present.contains(id)
            }
        }

        /// What is left to be done.
        var rest: String {
            self.stories.filter { id, story in !self.dead.contains(id) && (!story.isDone || self.present.contains(id)) }
                .map { "\($0.key): begun \($0.value.begun), returned \($0.value.returns), done \($0.value.isDone)" }
                .sorted().joined(separator: "; ")
        }

        // MARK: At the end

        func checkEnd() {
            if !self.place.broker.connectionIDs.isEmpty {
                self.fail("the broker has \(self.place.broker.connectionIDs.count) connections left")
            }
            if !self.place.broker.countsAgree { self.fail("queues and channels do not agree") }
            self.checkTicks()
        }

        /// One tick each period from the first to the last, whether or not it was worked off.
        private func checkTicks() {
            guard let period = self.scene.tickSeconds else { return }
            let waiting = self.place.broker.messages(of: "beats").compactMap(\.message.properties.messageID)
            let times = Set(self.ticks + waiting).compactMap(Self.seconds).sorted()
            for (one, next) in zip(times, times.dropFirst()) where next - one != Double(period) {
                self.fail("between two ticks are \(next - one) seconds, and not \(period)")
            }
            if times.count < 2 { self.fail("\(times.count) ticks in all that time") }
        }

        /// The time of day in the identifier of a tick: `beat@2023-11-14T22:13:20Z`.
        private static func seconds(_ id: String) -> Double? {
            guard let time = id.split(separator: "T").last else { return nil }
            let parts = time.prefix { $0.isNumber || $0 == ":" || $0 == "." }.split(separator: ":").compactMap {
                Double($0)
            }
            guard parts.count == 3 else { return nil }
            return parts[0] * 3600 + parts[1] * 60 + parts[2]
        }
    }
#endif
