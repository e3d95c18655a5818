/// Reads `names`: what the queues and exchanges of one environment are called on the broker.
struct NameDecoder {
    /// What was read, and where.
    struct DecodedNames {
        let settings: NameSettings
        let prefix: SourceSpan
        let except: [Located<String>]
    }

    let log: DiagnosticLog

    /// Nil after a diagnostic, and where nothing gets another name.
    func decode(_ root: MappingReader) -> DecodedNames? {
        guard let reader = root.mapping("names", .names) else { return nil }
        let except = reader.list("except").compactMap { $0.name(key: "except", log: self.log) }
        // Empty is what a variable makes of it where an environment has none, production mostly.
        guard let prefix = reader.name("prefix", isEmptyAllowed: true), !prefix.value.isEmpty else { return nil }
        if prefix.value.utf8.count > NameSettings.longestPrefix {
            let most = NameSettings.longestPrefix
            let message = "'prefix' has \(prefix.value.utf8.count) bytes, and names that it is part of have at most 255"
            self.log.error(.badName, prefix.span, message, help: "at most \(most)")
            return nil
        }
        if prefix.value.hasPrefix("amq.") {
            let message =
                "'prefix' is \(self.log.quoted(prefix.value, at: prefix.span)), and names with 'amq.' are the broker's"
            self.log.error(.badName, prefix.span, message, help: "write prefix: \"${ENV}-\"")
            return nil
        }
        let settings = NameSettings(prefix: prefix.value, except: except.map(\.value))
        return DecodedNames(settings: settings, prefix: prefix.span, except: except)
    }

    /// Holds what was read against the names of the file.
    func check(_ names: DecodedNames, _ file: JobFile) {
        if let longest = names.settings.longest(in: file), longest.utf8.count > 255 {
            let message = "with its prefix \(quoted(longest)) has \(longest.utf8.count) bytes; AMQP allows 255"
            self.log.error(.badName, names.prefix, message)
        }
        let named = file.named(by: names.settings).names
        let known = (named?.queues ?? []).union(named?.exchanges ?? [])
        for name in names.except where !known.contains(name.value) {
            let nearest = NearestName.of(name.value, among: known.sorted()).map { "did you mean \(quoted($0))?" }
            let message =
                "'except' names \(self.log.quoted(name.value, at: name.span)), and nothing in the file is called so"
            self.log.error(.badName, name.span, message, help: nearest)
        }
    }
}
