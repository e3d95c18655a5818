import Millrace
import Testing

@Suite struct CronWordsTests {
    @Test(arguments: [
        ("30 2 * * *", "at 02:30 every day"), ("* * * * *", "every minute"), ("*/5 * * * *", "every 5 minutes"),
        ("*/7 * * * *", "at minute 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"), ("@hourly", "every hour"),
        ("15 * * * *", "at minute 15 of every hour"), ("0 */6 * * *", "every 6 hours"),
        ("0 0 1 1 *", "at 00:00 on day 1 of the month in January"), ("0 12 * * 7", "at 12:00 on Sunday"),
        ("0,30 9 * * mon-fri", "at 09:00 and 09:30 on Monday to Friday"),
        ("0 0 13 * 5", "at 00:00 on day 13 of the month, and on Friday"),
        ("0 0 */13 * 5", "at 00:00 on day 1, 14 and 27 of the month if that is Friday"),
        ("*/10 8-17 * * *", "at minute 0, 10, 20, 30, 40 and 50 of the hours 8 to 17 every day"),
        ("* 8 * 1,2 *", "every minute of hour 8 every day in January and February"),
        ("*/10 * * 6 *", "every 10 minutes in June"), ("*/5 * * * sat", "every 5 minutes on Saturday"),
        ("0 0 1-31 * 1", "at 00:00 every day"),
    ])
    func `an expression is said in words`(text: String, words: String) throws {
        #expect(try CronExpression(text).words == words)
    }
}
