namespace Ardir.Tests;

/// <summary>Processes that really die: an evaluation killed again and again ends as if nothing had happened.</summary>
public sealed class KilledEvaluationTests : IDisposable
{
    private const int Kills = 5;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Evaluate_KilledAgainAndAgain_EndsBitForBitAsUninterrupted()
    {
        var whole = ResumeWorker.Evaluate(state: null);
        var (state, result) = (_folder.File("run.state"), _folder.File("result.json"));
        var random = new Random(20240607);
        for (var kill = 0; kill < Kills; kill++)
        {
            var (before, more, held) = (Length(state), random.Next(6000), _folder.File($"held{kill}"));
            using var process = Worker.Start(state, result, held);
            // Only after progress, so that the kills fall into different parts of the evaluation; then at any moment, also in the middle of a record.
            Worker.Wait(process, () => Length(state) > before + more || File.Exists(held));
            process.HasExited.Should().BeFalse("kill {0} must hit a living process, which stands still until then", kill);
            process.Kill();
            process.WaitForExit();
            process.ExitCode.Should().NotBe(0);
            Length(state).Should().BeGreaterThan(before);
            File.Exists(result).Should().BeFalse();
        }
        using (var last = Worker.Start(state, result))
        {
            Worker.Wait(last, () => false);
            last.ExitCode.Should().Be(0);
        }
        File.ReadAllText(result).Should().Be(whole);
        ResumeWorker.Evaluate(state).Should().Be(whole, "a finished state holds the whole result");
    }

    public void Dispose() => _folder.Dispose();

    private static long Length(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;
}
