using Ardir.Core;

namespace Ardir.Tests;

public sealed class LoadWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder.File("w.safetensors");

    [Theory]
    [InlineData("")]
    [InlineData("module.")]
    [InlineData("module.model.")]
    [InlineData("1.")]
    [InlineData("basic_net.")]
    public void LoadWeights_PrefixesOfTrainingScripts_AreStripped(string prefix)
    {
        using var scope = NewDisposeScope();
        using var source = Network(1);
        using var target = Network(2);
        Save(source.state_dict().ToDictionary(entry => prefix + entry.Key, entry => entry.Value));
        target.LoadWeights(FilePath).IsComplete.Should().BeTrue();
        AssertSame(source, target);
    }

    [Fact]
    public void LoadWeights_Differences_AreAllNamedAndNothingChanges()
    {
        using var scope = NewDisposeScope();
        using var source = Network(1);
        using var target = Network(2);
        using var before = Network(2);
        var state = source.state_dict();
        state.Remove("bn.weight");
        state["linear.weight"] = zeros(3, 7);
        state["surprise"] = zeros(1);
        state["linear.bias"] = zeros(10, ScalarType.Int64);
        state["sub_block1.layer.0.conv1.weight"] = zeros(1);
        Save(state);
        var load = () => target.LoadWeights(FilePath);
        load.Should().Throw<WeightFormatException>().Which.Message.Should().Contain("missing (1): bn.weight").And.Contain("unexpected (1): surprise")
            .And.Contain("linear.weight: [3,7] in the file").And.Contain("linear.bias: Int64 in the file").And.Contain("dropped (1): sub_block1").And.Contain("Strict = false");
        AssertSame(before, target);
        var report = target.LoadWeights(FilePath, new LoadOptions { Strict = false });
        report.IsComplete.Should().BeFalse();
        report.Missing.Should().Equal("bn.weight");
        TensorAssert.Same(target.state_dict()["conv1.weight"].detach(), source.state_dict()["conv1.weight"].detach());
        TensorAssert.Same(target.state_dict()["linear.weight"].detach(), before.state_dict()["linear.weight"].detach());
    }

    [Fact]
    public void LoadWeights_NoBroadcasting_EvenWhereItWouldFit()
    {
        using var scope = NewDisposeScope();
        using var target = nn.Sequential(("fc", nn.Linear(3, 2)));
        Save(new Dictionary<string, Tensor> { ["fc.weight"] = zeros(1, 3), ["fc.bias"] = zeros(1) });
        FluentActions.Invoking(() => target.LoadWeights(FilePath)).Should().Throw<WeightFormatException>().WithMessage("*[1,3] in the file, [2,3]*");
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void LoadWeights_OtherPrecision_IsConvertedAndReported(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var target = nn.Sequential(("fc", nn.Linear(3, 2)));
        var values = (arange(6, ScalarType.Float32) / 8).reshape(2, 3);
        Save(new Dictionary<string, Tensor> { ["fc.weight"] = values.to(dtype), ["fc.bias"] = zeros(2) });
        var report = target.LoadWeights(FilePath);
        report.Converted.Should().Equal($"fc.weight: {dtype} to Float32");
        TensorAssert.Same(target.state_dict()["fc.weight"].detach(), values);
    }

    [Theory]
    [InlineData("mean", "std")]
    [InlineData("mu", "sigma")]
    [InlineData("normalize.mean", "normalize.std")]
    [InlineData("0.mean", "0.std")]
    public void LoadWeights_NormalisationInTheFile_ConfiguresNormalizeOrIsRefused(string mean, string std)
    {
        using var scope = NewDisposeScope();
        using var source = Network(1);
        var state = source.state_dict();
        state[mean] = tensor(new[] { 0.5f, 0.25f, 0.125f }).reshape(1, 3, 1, 1);
        state[std] = tensor(new[] { 0.25f, 0.5f, 1f }).reshape(1, 3, 1, 1);
        Save(state);
        using var wrapped = new Normalize([0, 0, 0], [1, 1, 1], Network(2));
        wrapped.LoadWeights(FilePath).NormalisationLoaded.Should().BeTrue();
        wrapped.Mean.Should().Equal(0.5, 0.25, 0.125);
        wrapped.Std.Should().Equal(0.25, 0.5, 1);
        var images = TinyModels.Random([2, 3, 8, 8], 3, ScalarType.Float32);
        wrapped.eval();
        source.eval();
        TensorAssert.Same(wrapped.call(images), source.call((images - state[mean]) / state[std]));
        using var bare = Network(2);
        FluentActions.Invoking(() => bare.LoadWeights(FilePath)).Should().Throw<WeightFormatException>().WithMessage("*wrap the network in Normalize*");
        // And what was saved with the wrapper comes back, the statistics included.
        wrapped.SaveSafetensors(FilePath);
        using var again = new Normalize([0, 0, 0], [1, 1, 1], Network(3));
        again.LoadWeights(FilePath).IsComplete.Should().BeTrue();
        again.Mean.Should().Equal(wrapped.Mean);
    }

    [Fact]
    public void LoadWeights_TwoEntriesForOnePlace_AreRefused()
    {
        using var scope = NewDisposeScope();
        using var target = nn.Sequential(("fc", nn.Linear(3, 2)));
        Save(new Dictionary<string, Tensor> { ["fc.weight"] = zeros(2, 3), ["module.fc.weight"] = ones(2, 3), ["fc.bias"] = zeros(2) });
        FluentActions.Invoking(() => target.LoadWeights(FilePath)).Should().Throw<WeightFormatException>().WithMessage("*second entry*");
    }

    [Fact]
    public void LoadWeights_LeavesNothingBehind()
    {
        using var model = Network(1);
        model.SaveSafetensors(FilePath);
        LeakAssert.None(() => model.LoadWeights(FilePath));
        LeakAssert.None(() => model.SaveSafetensors(FilePath));
    }

    [Fact]
    public void SaveSafetensors_TiedTensors_AreRefused()
    {
        using var model = new TiedModel();
        FluentActions.Invoking(() => model.SaveSafetensors(FilePath)).Should().Throw<ArgumentException>().WithMessage("*'a' and 'b' are one tensor*");
        File.Exists(FilePath).Should().BeFalse();
    }

    [Fact]
    public void Detect_WeightsFromAFile_MakesTheNetworkThatTheyFit()
    {
        using var scope = NewDisposeScope();
        using var small = StateDict.Read(Path.Combine(AppContext.BaseDirectory, "Goldens", "fm_robust_legacy.pt"));
        var guess = ModelCatalog.Detect(small);
        (guess.Architecture, guess.Classes, guess.InputChannels, guess.Certainty).Should().Be(("SmallCnn", 10, 1, ModelCertainty.Exact));
        using var model = guess.Create();
        model.LoadWeights(small).IsComplete.Should().BeTrue();
    }

    [Fact]
    public void LoadWeights_NetworkInsideAnotherModule_KeepsItsNames()
    {
        using var scope = NewDisposeScope();
        foreach (var create in new Func<nn.Module<Tensor, Tensor>>[]
        {
            () => Network(1), () => SmallCnn.Create(), () => ResNet.Create(new ResNetOptions { Widths = [4, 6], Blocks = [1, 1] }), () => WideResNet.Create(depth: 10, widen: 1), () => MobileNetV2.Create(),
        })
        {
            using var bare = create();
            var names = bare.state_dict().Keys.ToList();
            var parameters = bare.parameters().Count();
            using var wrapped = new Normalize([0, 0, 0], [1, 1, 1], bare);
            wrapped.state_dict().Keys.Except(["mean", "std"]).Should().BeEquivalentTo(names.Select(name => "network." + name));
            wrapped.parameters().Count().Should().Be(parameters);
            using var nested = nn.Sequential(("0", wrapped));
            nested.parameters().Count().Should().Be(parameters);
        }
    }

    public void Dispose() => _folder.Dispose();

    private static PreActResNet Network(ulong seed) => PreActResNet.Create(new PreActResNetOptions { Widths = [4, 6], BlocksPerStage = 1, Seed = seed });

    private static void AssertSame(nn.Module a, nn.Module b)
    {
        var (left, right) = (a.state_dict(), b.state_dict());
        foreach (var (name, value) in left) TensorAssert.Same(right[name].detach(), value.detach());
    }

    private void Save(IReadOnlyDictionary<string, Tensor> state) => SafetensorsFile.Write(FilePath, state);

    private sealed class TiedModel : nn.Module
    {
        public TiedModel() : base(nameof(TiedModel))
        {
            var values = nn.Parameter(ones(3));
            register_parameter("a", values);
            register_parameter("b", nn.Parameter(values.view(3).detach()));
        }
    }
}
