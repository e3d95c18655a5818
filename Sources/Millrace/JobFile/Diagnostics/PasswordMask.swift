/// Hides the password of every `scheme://user:password@host?password=…` in a line, and keeps the line's length.
enum PasswordMask {
    static func masking(_ line: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        var line = Array(line)
        var index = 0
        while index + 3 <= line.count {
            guard line[index] == ":", line[index + 1] == "/", line[index + 2] == "/" else {
                index += 1
                continue
            }
            let start = index + 3
            let end = line[start...].firstIndex { [" ", "\t", "\"", "'"].contains($0) } ?? line.count
            // The last @: a password may hold one that nobody escaped.
            if let at = line[start..<end].lastIndex(of: "@"),
                let colon = line[start..<at].firstIndex(of: ":")
            {
                if !Self.isVariable(line[(colon + 1)..<at]) {
                    for hidden in (colon + 1)..<at { line[hidden] = "*" }
                }
            }
            Self.maskKeyPassword(&line, start..<end)
            index = end
        }
        return line
    }

    /// The private key's, among the query parameters.
    private static func maskKeyPassword(_ line: inout [Unicode.Scalar], _ uri: Range<Int>) {
        let name = Array("password=".unicodeScalars)
        for index in uri where line[index] == "?" || line[index] == "&" {
            guard line[(index + 1)..<uri.upperBound].starts(with: name) else { continue }
            let start = index + 1 + name.count
            let end = line[start..<uri.upperBound].firstIndex(of: "&") ?? uri.upperBound
            if !Self.isVariable(line[start..<end]) { for hidden in start..<end { line[hidden] = "*" } }
        }
    }

    /// A bare `${NAME}` gives nothing away, and a message may be about it; a default might.
    private static func isVariable(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
        text.starts(with: ["$", "{"]) && text.firstIndex(of: "}") == text.indices.last && !text.contains(":")
    }
}
