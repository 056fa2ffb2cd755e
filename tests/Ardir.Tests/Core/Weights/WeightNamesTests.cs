using System.Globalization;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What training scripts put before names and beside weights: whatever loads is recognised too, and the other way round.</summary>
public sealed class WeightNamesTests : IDisposable
{
    private static readonly string[] _prefixes = ["module.", "_orig_mod.", "model.", "network.", "basic_net.", "net.", "0.", "1."];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Prefixes => [.. _prefixes, .. _prefixes.Select(prefix => "module." + prefix), "module._orig_mod.model.1."];

    public static TheoryData<string, string> Normalisers
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (var prefix in new[] { "", "module.", "0.", "module.0.", "model.", "net." })
                foreach (var module in new[] { "", "normalize.", "normalizer." })
                    foreach (var (mean, deviation) in new[] { ("mean", "std"), ("mu", "sigma") }) rows.Add(prefix + module + mean, prefix + module + deviation);
            return rows;
        }
    }

    private string FilePath => _folder.File("w.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Lists_HoldNothingThatIsNotTestedHere()
    {
        WeightNames.Prefixes.Should().Equal(_prefixes);
        WeightNames.Normalisers.Should().Equal("", "normalize.", "normalizer.");
        WeightNames.Statistics.Should().Equal(("mean", "std"), ("mu", "sigma"));
    }

    [Theory, MemberData(nameof(Prefixes))]
    public void Prefix_LoadsAndIsDetected(string prefix)
    {
        using var scope = NewDisposeScope();
        using var source = Network(1);
        using var target = Network(2);
        SafetensorsFile.Write(FilePath, source.state_dict().ToDictionary(entry => prefix + entry.Key, entry => entry.Value));
        target.LoadWeights(FilePath).IsComplete.Should().BeTrue();
        TensorAssert.Same(target.state_dict()["conv1.weight"].detach(), source.state_dict()["conv1.weight"].detach());
        using var weights = StateDict.Read(FilePath);
        var guess = ModelCatalog.Detect(weights);
        (guess.Architecture, guess.Certainty).Should().Be(("PreActResNet-6", ModelCertainty.Ambiguous));
        guess.Reasons.Should().Contain(reason => reason.Contains($"'{prefix}'", StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Normalisers))]
    public void Normaliser_ConfiguresAndIsDetected(string mean, string deviation)
    {
        using var scope = NewDisposeScope();
        using var source = Network(1);
        var state = source.state_dict();
        (state[mean], state[deviation]) = (tensor(new[] { 0.5f, 0.25f, 0.125f }), tensor(new[] { 0.25f, 0.5f, 1f }).reshape(3, 1, 1));
        SafetensorsFile.Write(FilePath, state);
        using var wrapped = new Normalize([0, 0, 0], [1, 1, 1], Network(2));
        wrapped.LoadWeights(FilePath).NormalisationLoaded.Should().BeTrue();
        (wrapped.Mean[1], wrapped.Std[2]).Should().Be((0.25, 1));
        using var weights = StateDict.Read(FilePath);
        var guess = ModelCatalog.Detect(weights);
        guess.Certainty.Should().Be(ModelCertainty.Ambiguous, guess.ToString());
        guess.Reasons.Should().Contain(reason => reason.Contains("normaliser", StringComparison.Ordinal));
        guess.Normalization!.Mean.Should().Equal(0.5, 0.25, 0.125);
        guess.Normalization.Std.Should().Equal(0.25, 0.5, 1);
        using var ready = guess.Normalization.Wrap(guess.Create());
        ready.LoadWeights(weights).NormalisationLoaded.Should().BeTrue();
    }

    [Fact]
    public void AveragedModel_LoadsAndIsDetected()
    {
        using var scope = NewDisposeScope();
        using var source = Network(1);
        using var target = Network(2);
        var state = source.state_dict().ToDictionary(entry => "module." + entry.Key, entry => entry.Value);
        state["n_averaged"] = tensor(17L);
        SafetensorsFile.Write(FilePath, state);
        target.LoadWeights(FilePath).Should().Match<LoadReport>(report => report.IsComplete && report.Dropped.Single() == "n_averaged");
        using var weights = StateDict.Read(FilePath);
        ModelCatalog.Detect(weights).Certainty.Should().Be(ModelCertainty.Ambiguous);
    }

    [Fact]
    public void Statistics_ThatCannotBeUsed_AreNamedAndNeverDropped()
    {
        using var scope = NewDisposeScope();
        using var source = Network(1);
        foreach (var (value, text) in new[]
        {
            (tensor(new long[] { 125, 123, 114 }), "mean (statistics of pixels as Int64 [3]"), (rand(3, 32, 32), "mean (statistics of pixels as Float32 [3,32,32]"), (rand(3, 4), "mean (statistics of pixels as Float32 [3,4]"),
        })
        {
            var state = source.state_dict();
            state["mean"] = value;
            SafetensorsFile.Write(FilePath, state);
            foreach (var module in new nn.Module[] { Network(2), new Normalize([0, 0, 0], [1, 1, 1], Network(2)) })
            {
                using var target = module;
                FluentActions.Invoking(() => target.LoadWeights(FilePath)).Should().Throw<WeightFormatException>().Which.Message.Should().Contain(text);
            }
        }
    }

    [Fact]
    public void Statistics_Twice_MustAgree()
    {
        using var scope = NewDisposeScope();
        using var source = Network(1);
        var state = source.state_dict();
        (state["mean"], state["std"], state["normalize.mean"], state["normalize.std"]) = (full(3, 0.5f), ones(3), full(3, 0.5f), ones(3));
        SafetensorsFile.Write(FilePath, state);
        using var target = new Normalize([0, 0, 0], [1, 1, 1], Network(2));
        target.LoadWeights(FilePath).NormalisationLoaded.Should().BeTrue();
        state["normalize.mean"] = full(3, 0.25f);
        SafetensorsFile.Write(FilePath, state);
        FluentActions.Invoking(() => target.LoadWeights(FilePath)).Should().Throw<WeightFormatException>().WithMessage("*normalize.mean (other statistics*");
        target.Mean.Should().Equal(0.5, 0.5, 0.5);
    }

    // A list in which both numbers and separators are commas could not be read.
    [Fact]
    public void Statistics_InTheMessage_AreTheSameInEveryCulture()
    {
        using var scope = NewDisposeScope();
        using var target = Network(2);
        var state = target.state_dict();
        (state["mean"], state["std"]) = (full(3, 0.5f), full(3, 0.25f));
        SafetensorsFile.Write(FilePath, state);
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = "," } };
        try
        {
            FluentActions.Invoking(() => target.LoadWeights(FilePath)).Should().Throw<WeightFormatException>()
                .WithMessage("*mean [0.5, 0.5, 0.5] and deviation [0.25, 0.25, 0.25]*");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static PreActResNet Network(ulong seed) => PreActResNet.Create(new PreActResNetOptions { Widths = [4, 6], BlocksPerStage = 1, Seed = seed });
}
