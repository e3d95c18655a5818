extension String {
    /// Far more than any language has; Unicode's Stream-Safe Text Format (UAX #15 §13) allows 30.
    static let maxMarksInARow = 128

    /// Whether it can be hashed and compared in linear time.
    ///
    /// Swift compares strings by canonical equivalence, and orders a run of combining marks in quadratic time for that:
    /// 400 kB of them as a key would keep a worker busy for a minute.
    var isStreamSafe: Bool {
        // The first mark is U+0300, in UTF-8 0xCC 0x80: most text ends here.
        guard self.utf8.contains(where: { $0 >= 0xCC }) else { return true }
        var marks = 0
        for scalar in self.unicodeScalars {
            if scalar.value < 0x300 || scalar.properties.canonicalCombiningClass == .notReordered {
                marks = 0
            } else {
                marks += 1
                if marks > Self.maxMarksInARow { return false }
            }
        }
        return true
    }
}
