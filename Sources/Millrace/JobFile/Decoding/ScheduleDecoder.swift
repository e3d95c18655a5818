/// Reads `schedules`.
struct ScheduleDecoder {
    /// A schedule as it was read, with the places that what is found later points at.
    struct DecodedSchedule {
        let queue: Located<String>?
        let timezone: Located<String>?
        /// Nil after a diagnostic.
        let definition: ScheduleDefinition?
    }

    let log: DiagnosticLog

    /// Its name is the end of a queue's.
    private static let longestName = 200
    private static let longest = Duration.seconds(366 * 86_400)

    func decode(_ root: MappingReader) -> [DecodedSchedule] {
        guard let pair = root.pair("schedules"),
            let pairs = MappingReader.pairs(of: pair.value, subject: "'schedules'", log: self.log)
        else { return [] }
        return pairs.compactMap { pair in
            guard isName(pair.key, at: pair.keySpan, what: "a name in 'schedules'", log: self.log) else { return nil }
            guard pair.key.utf8.count <= Self.longestName else {
                let message = "a name in 'schedules' has \(pair.key.utf8.count) bytes; it is part of a queue's name"
                self.log.error(.badName, pair.keySpan, message, help: "at most \(Self.longestName)")
                return nil
            }
            return self.decode(pair)
        }
    }

    private func decode(_ pair: YAMLPair) -> DecodedSchedule? {
        let subject = "schedule \(quoted(pair.key))"
        guard let reader = MappingReader(pair.value, .schedule, subject: subject, span: pair.keySpan, log: self.log)
        else { return nil }
        let queue = reader.name("queue")
        let timing = self.timing(reader)
        let timezone = reader.text("timezone")
        if let timezone, reader.node("cron") == nil, reader.node("every") != nil {
            self.log.error(
                .conflict,
                timezone.span,
                "'timezone' has nothing to say: 'every' goes by no clock on a wall",
                help: "leave it out, or write cron"
            )
        }
        let body = self.body(reader)
        let headers = self.headers(reader)
        let catchUp = reader.choice("catch_up", CatchUp.self)
        let deadline = reader.duration("deadline", in: .seconds(1)...Self.longest)
        var definition: ScheduleDefinition?
        if let queue, let timing, let body {
            definition = ScheduleDefinition(
                name: pair.key,
                timing: timing,
                timezone: timezone?.value ?? "UTC",
                queue: queue.value,
                body: body.octets,
                contentType: body.type,
                headers: headers,
                catchUp: catchUp?.value ?? .latest,
                deadline: deadline?.value,
                location: self.log.source.location(of: pair.keySpan)
            )
        }
        return DecodedSchedule(queue: queue, timezone: timezone, definition: definition)
    }

    private func timing(_ reader: MappingReader) -> ScheduleDefinition.Timing? {
        let cron = self.cron(reader)
        let every = reader.duration("every", in: .seconds(1)...Self.longest)
        switch (reader.pair("cron"), reader.pair("every")) {
        case (.some, .some(let pair)):
            self.log.error(
                .conflict,
                pair.keySpan,
                "'every' and 'cron' both say when \(reader.subject) is due",
                help: "write one of them"
            )
            return nil
        case (nil, nil):
            let checker = KeyChecker(keys: .schedule, subject: reader.subject, log: self.log)
            guard !["cron", "every"].contains(where: { checker.hasStandIn(for: $0, in: reader.pairs) }) else {
                return nil
            }
            self.log.error(
                .missingKey,
                reader.span,
                "\(reader.subject) does not say when it is due",
                help: "write cron: \"30 2 * * *\" or every: 30s"
            )
            return nil
        case (.some, nil): return cron.map { .cron($0) }
        case (nil, .some): return every.map { .every($0.value) }
        }
    }

    private func cron(_ reader: MappingReader) -> String? {
        guard let text = reader.text("cron") else { return nil }
        do throws(CronError) {
            return try CronExpression(text.value).text
        } catch {
            guard self.log.shown(text.value, at: text.span) == text.value else {
                self.log.error(.badCron, text.span, "the value is no cron expression")
                return nil
            }
            self.log.error(.badCron, self.span(of: error.place, in: text), error.message, help: error.help)
            return nil
        }
    }

    /// Where a piece of a text stands in the file; all of the text if it is not there as it is.
    private func span(of place: Range<Int>, in text: Located<String>) -> SourceSpan {
        let letters = Array(text.value.unicodeScalars)
        let scalars = self.log.source.scalars
        for start in [text.span.start, text.span.start + 1] where start + letters.count <= scalars.count {
            guard scalars[start..<(start + letters.count)] == letters[...] else { continue }
            return SourceSpan(start: start + place.lowerBound, end: start + place.upperBound)
        }
        return text.span
    }

    /// Text as it is, a tree as JSON; nil after a diagnostic.
    private func body(_ reader: MappingReader) -> (octets: [UInt8], type: String?)? {
        guard let node = reader.node("body") else { return ([], nil) }
        switch node.content {
        case .broken: return nil
        case .scalar: return node.text(key: "body", log: self.log).map { (Array($0.value.utf8), "text/plain") }
        case .sequence, .mapping:
            return ValueTreeDecoder(log: self.log).option(node).map { (Array($0.json.utf8), "application/json") }
        }
    }

    private func headers(_ reader: MappingReader) -> [String: ArgumentValue] {
        if case .mapping(let pairs) = reader.node("headers")?.content {
            for pair in pairs where ["CC", "BCC"].contains(pair.key) || pair.key.hasPrefix("millrace-") {
                let message = "the header \(quoted(pair.key)) is one that Millrace or the broker writes"
                self.log.error(.badName, pair.keySpan, message)
            }
        }
        return ValueTreeDecoder(log: self.log).arguments(reader, key: "headers")
    }
}
