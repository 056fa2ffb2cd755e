using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>What the samples answer to arguments and files that they cannot use: one line on stderr, in their own words, and an exit code.</summary>
[Collection(TestSetup.OtherProcesses)]
public sealed class SamplesRefusalTests : IDisposable
{
    private const int Failed = 1, WrongArguments = 2;

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("--norm 7", "Error: --norm is '7'; expected linf, l2 or l1.*")]
    [InlineData("--eps 8/0", "Error: --eps is '8/0'; expected a positive number*")]
    [InlineData("--images 0", "Error: --images is '0'; expected a whole number of at least 1.*")]
    [InlineData("--device tpu", "Error: --device is 'tpu'; expected cpu, cuda or cuda:1.*")]
    [InlineData("--data nowhere", "Error: --data is 'nowhere'; expected a folder that exists.*")]
    [InlineData("--size 3x", "Error: --size is '3x'; expected HEIGHTxWIDTH*")]
    [InlineData("--torchscript other.pt", "Error: Expected either --model or --torchscript.*")]
    public void Evaluate_WithAWrongOption_NamesIt(string option, string message) =>
        SampleProcess.Run(_folder.Path, ["evaluate", "--model", "model.pt", .. option.StartsWith("--eps", StringComparison.Ordinal) ? [] : (string[])["--eps", "0.1"], .. option.Split(' ')])
            .ShouldFail(WrongArguments, message);

    [Fact]
    public void Evaluate_WithABudgetInLevels_SaysWhatTheUnitIs() =>
        SampleProcess.Run(_folder.Path, "evaluate", "--model", "model.pt", "--eps", "8").ShouldFail(WrongArguments, "Error: --eps is '8'; expected at most 1 for linf*8/255*");

    [Fact]
    public void NoCommand_AndUnknownOptions_AreWrongArguments()
    {
        SampleProcess.Run(_folder.Path).ShouldFail(WrongArguments, "Error: *--help shows what is expected.");
        SampleProcess.Run(_folder.Path, "quickstart", "--nonsense").ShouldFail(WrongArguments, "Error: *--nonsense*--help shows what is expected.");
    }

    [Fact]
    public void Help_ShowsTheExitCodes()
    {
        var help = SampleProcess.Run(_folder.Path, "--help").ShouldSucceed();
        help.Output.Should().Contain(line => line.Contains("Exit codes: 0 done; 1 failed; 2 wrong arguments; 130 stopped", StringComparison.Ordinal));
    }

    [Fact]
    public void Import_OfAMissingFile_Fails() => SampleProcess.Run(_folder.Path, "import", "nowhere.pt").ShouldFail(Failed, "Error: *nowhere.pt*");

    [PosixFact]
    public void Import_OfAHostileFile_Fails_WithoutRunningItOrMovingTheCursor()
    {
        // A pickle that would run a command, under a name that clears the screen.
        byte[] pickle = [0x80, 2, .. "cos\nsystem\nX\x0d\0\0\0touch touched"u8, 0x85, (byte)'R', (byte)'.'];
        File.WriteAllBytes(_folder.File("e\u001b[2Jvil.pt"), pickle);
        var run = SampleProcess.Run(_folder.Path, "import", "e\u001b[2Jvil.pt");
        run.ShouldFail(Failed, "Error: *e?[2Jvil.pt*pickle*torch.save*");
        run.Errors[0].Should().NotContain("\u001b");
        File.Exists(_folder.File("touched")).Should().BeFalse();
    }

    [Fact]
    public void Evaluate_OfTorchScriptAsWeights_NamesTheOtherOption() =>
        SampleProcess.Run(_folder.Path, "evaluate", "--model", Golden("scripted.pt"), "--eps", "0.1").ShouldFail(Failed, "Error: *TorchScript archive: give it to evaluate with --torchscript*");

    [Fact]
    public void Evaluate_OfWeightsAsTorchScript_NamesTheOtherOption() =>
        SampleProcess.Run(_folder.Path, "evaluate", "--torchscript", Golden("fm_robust.pt"), "--eps", "0.1").ShouldFail(Failed, "Error: *is no TorchScript file*expected weights with --model.");

    [Fact]
    public void Evaluate_OfAFolderAsTorchScript_SaysWhatItIs() =>
        SampleProcess.Run(_folder.Path, "evaluate", "--torchscript", ".", "--eps", "0.1")
            .ShouldFail(Failed, "Error: *is a folder; expected a TorchScript file.");

    [Fact]
    public void Evaluate_WithABudgetBeyondAllBounds_NamesItsOwnOption() =>
        SampleProcess.Run(_folder.Path, "evaluate", "--model", "model.pt", "--norm", "l2", "--eps", "1e300")
            .ShouldFail(Failed, "Error: --eps must be at most *");

    [PosixFact]
    public void AClosedStderr_LeavesTheExitCode()
    {
        var start = new ProcessStartInfo("sh", ["-c", "exec dotnet \"$0\" nonsense 2>&-", Path.Combine(SampleProcess.Folder, "Ardir.Samples.dll")]);
        using var process = Process.Start(start)!;
        process.WaitForExit();
        process.ExitCode.Should().Be(WrongArguments);
    }

    [Fact]
    public void Help_ShowsTheWordsThatAreTaken()
    {
        var help = SampleProcess.Run(_folder.Path, "evaluate", "--help").ShouldSucceed();
        help.Output.Should().Contain(line => line.StartsWith("--version-of-attack <standard|fast|plus|rand>", StringComparison.Ordinal));
        help.Output.Should().Contain(line => line.StartsWith("--norm <linf|l2|l1>", StringComparison.Ordinal));
    }

    [Fact]
    public void Evaluate_WithTheStateOfSomethingElse_SpeaksOfItsOutputOption()
    {
        Directory.CreateDirectory(_folder.File("out"));
        File.WriteAllText(_folder.File("out/evaluation.state"), new string('x', 100));
        SampleProcess.Run(_folder.Path, "evaluate", "--model", Golden("fm_robust.pt"), "--eps", "0.1", "--images", "2", "--output", "out")
            .ShouldFail(Failed, "Error: *is not the state of an evaluation.*choose another --output.");
    }

    [Fact]
    public void Export_RefusesItsInputAndExistingFiles_UnlessForced()
    {
        var file = _folder.File("weights.pt");
        File.Copy(Golden("fm_robust.pt"), file);
        var before = File.ReadAllBytes(file);
        SampleProcess.Run(_folder.Path, "export", "weights.pt", "weights.pt").ShouldFail(WrongArguments, "Error: *is the input itself; --force*");
        File.WriteAllText(_folder.File("there.safetensors"), "mine");
        SampleProcess.Run(_folder.Path, "export", "weights.pt", "there.safetensors").ShouldFail(WrongArguments, "Error: *there.safetensors' exists already; --force*");
        File.ReadAllBytes(file).Should().Equal(before);
        File.ReadAllText(_folder.File("there.safetensors")).Should().Be("mine");

        SampleProcess.Run(_folder.Path, "export", "weights.pt", "there.safetensors", "--force").ShouldSucceed();
        using var written = Ardir.Core.StateDict.Read(_folder.File("there.safetensors"));
        written.Count.Should().Be(8);
    }

    public void Dispose() => _folder.Dispose();

    private static string Golden(string name) => Path.Combine(AppContext.BaseDirectory, "Goldens", name);
}
