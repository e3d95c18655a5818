/// Text to tree: checks the characters, then the syntax.
///
/// A tree comes back only if it is whole.
package enum YAMLReader {
    package static func read(_ bytes: [UInt8], log: DiagnosticLog) -> YAMLNode? {
        guard Self.checkCharacters(log), Self.checkDirectives(log) else { return nil }
        var builder = YAMLTreeBuilder(log: log)
        let failure = YAMLEventReader.read(Self.withoutByteOrderMark(bytes)) { builder.take($0) }
        if let failure {
            Self.report(failure, log)
            return nil
        }
        if builder.isAbandoned { return nil }
        guard let root = builder.root else {
            log.error(.emptyFile, SourceSpan(start: 0, end: 0), "the file is empty", help: "it starts with version: 1")
            return nil
        }
        return root
    }

    package static func withoutByteOrderMark(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    }

    /// Says where the text holds what YAML, or an editor, would not show; one per line is enough.
    private static func checkCharacters(_ log: DiagnosticLog) -> Bool {
        var isGood = true
        var lastLine = 0
        for (offset, scalar) in log.source.scalars.enumerated() where !Self.isAllowed(scalar) {
            let span = SourceSpan(start: offset, end: offset + 1)
            let line = log.source.place(of: span).line
            isGood = false
            guard line != lastLine else { continue }
            lastLine = line
            let code = String(scalar.value, radix: 16, uppercase: true)
            let name = "U+" + String(repeating: "0", count: max(0, 4 - code.count)) + code
            log.error(.controlCharacter, span, "the character \(name) cannot stand here")
        }
        lastLine = 0
        for offset in log.source.badOffsets {
            let span = SourceSpan(start: offset, end: offset + 1)
            let line = log.source.place(of: span).line
            guard line != lastLine else { continue }
            lastLine = line
            log.error(.notUTF8, span, "this is not UTF-8", help: "save the file as UTF-8")
        }
        return isGood && log.source.badOffsets.isEmpty
    }

    /// Refuses `%TAG` before the parser sees it: each is compared with all before it, and none has a use here.
    private static func checkDirectives(_ log: DiagnosticLog) -> Bool {
        let word: [Unicode.Scalar] = ["%", "T", "A", "G"]
        guard let start = log.source.firstLine(startingWith: word) else { return true }
        log.error(.tag, SourceSpan(start: start, end: start + word.count), "tags have no meaning here")
        return false
    }

    /// YAML's printable characters, less those it takes for line breaks and editors do not.
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E: true
        case 0x2028, 0x2029, 0xFEFF: false
        case 0xA0...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    /// Whether a variable's brace stands there, which YAML takes for its own.
    private static func isBareVariable(at offset: Int, in scalars: [Unicode.Scalar]) -> Bool {
        offset > 0 && offset < scalars.count && scalars[offset] == "{" && scalars[offset - 1] == "$"
    }

    private static func report(_ failure: YAMLSyntaxError, _ log: DiagnosticLog) {
        let scalars = log.source.scalars
        let offset = min(failure.offset, scalars.count)
        var help: String?
        if offset < scalars.count, scalars[offset] == "\t" {
            help = "indent with spaces, not with tabs"
        } else if Self.isBareVariable(at: offset, in: scalars) {
            help = "inside braces a variable needs quotes: \"${NAME}\""
        } else if failure.problem.hasPrefix("mapping values are not allowed") {
            help = "put a value that holds a colon in quotes"
        } else if let context = failure.context, failure.contextOffset != failure.offset {
            let span = SourceSpan(start: failure.contextOffset, end: failure.contextOffset)
            help = "\(context) that starts on line \(log.source.place(of: span).line)"
        }
        log.error(
            .yamlSyntax,
            SourceSpan(start: offset, end: offset + 1),
            "this is not YAML: \(failure.problem)",
            help: help
        )
    }
}
