/// How long others wait for a suspect: twice as long after each death, so that the time is found that is enough.
package enum Patience {
    /// Doubled no more often than this: ten seconds become ten minutes.
    private static let doublings: UInt32 = 6

    /// - Parameters:
    ///   - time: After the first death.
    ///   - deaths: How often the process died with the suspect in hand, from 1.
    /// - Returns: After so many.
    package static func of(_ time: UInt64, deaths: UInt32) -> UInt64 {
        time << UInt64(min(max(deaths, 1) - 1, Self.doublings))
    }
}
