using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Input that no attack can work with, refused by the base of all attacks with the argument's name and a way out.</summary>
public sealed class BadInputTests
{
    private static readonly Dictionary<string, (Func<Tensor> Images, Func<Tensor> Labels, string Name, string Says)> _table = new()
    {
        ["bytes"] = (() => zeros([2, 1, 4, 4], ScalarType.Byte), Good, "images", "*Byte*divide uint8 pixels by 255*"),
        ["integers"] = (() => zeros([2, 1, 4, 4], ScalarType.Int64), Good, "images", "*Int64*floating-point*"),
        ["one row"] = (() => zeros(16), Good, "images", "*[16]*[N,F]*unsqueeze*"),
        ["one image"] = (() => zeros(1, 4, 4), Good, "labels", "*[2]*expected [1]*[1,4,4]*unsqueeze*"),
        ["no images"] = (() => zeros(0, 1, 4, 4), () => zeros([0], ScalarType.Int64), "images", "*batch is empty*"),
        ["no pixels"] = (() => zeros(2, 1, 0, 4), Good, "images", "*empty*"),
        ["NaN"] = (() => full([2, 1, 4, 4], float.NaN), Good, "images", "*NaN*"),
        ["infinity"] = (() => full([2, 1, 4, 4], float.NegativeInfinity), Good, "images", "*infinite*"),
        ["0 to 255"] = (() => full([2, 1, 4, 4], 255f), Good, "images", "*255*[0,1]*new Normalize(mean, std, model)*"),
        ["normalised outside"] = (() => full([2, 1, 4, 4], -1.8f), Good, "images", "*-1.8*new Normalize*"),
        ["just outside"] = (() => full([2, 1, 4, 4], 1 + 1e-4f), Good, "images", "*1.0001*"),
        ["sparse images"] = (() => Fine().to_sparse(), Good, "images", "images is a sparse tensor; expected a dense one. Call to_dense() on it.*"),
        ["sparse labels"] = (Fine, () => Good().to_sparse(), "labels", "labels is a sparse tensor*to_dense()*"),
        ["int32 labels"] = (Fine, () => tensor([0, 1]), "labels", "*Int32*int64*"),
        ["one-hot labels"] = (Fine, () => eye(2), "labels", "*Float32*argmax(1)*"),
        ["column labels"] = (Fine, () => zeros([2, 1], ScalarType.Int64), "labels", "*[2,1]*expected [2]*"),
        ["too few labels"] = (Fine, () => tensor([0L]), "labels", "*[1]*expected [2]*"),
        ["label too large"] = (Fine, () => tensor([0L, 4L]), "labels", "*4*4 classes*0 to 3*"),
        ["negative label"] = (Fine, () => tensor([-1L, 0L]), "labels", "*-1*"),
    };

    public static TheoryData<string> Rows => [.. _table.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Perturb_BadInput_NamesTheArgumentAndTheRemedy(string row)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var (images, labels, name, says) = _table[row];
        var act = () => Attack().Perturb(model, images(), labels());
        act.Should().Throw<ArgumentException>().WithMessage(says).WithParameterName(name);
    }

    [Fact]
    public void SparseTensors_AreNamedWhereverTheyComeIn()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        FluentActions.Invoking(() => Attack().Perturb(model, Fine(), Good(), new AttackContext { Targets = Good().to_sparse() }))
            .Should().Throw<ArgumentException>().WithMessage("context.Targets is a sparse tensor*");
        var pixels = zeros([2, 1, 4, 4], ScalarType.Byte);
        FluentActions.Invoking(() => new ImageDataset(pixels.to_sparse(), Good())).Should().Throw<ArgumentException>().WithMessage("images is a sparse tensor*to_dense()*").WithParameterName("images");
        FluentActions.Invoking(() => new ImageDataset(pixels, Good().to_sparse())).Should().Throw<ArgumentException>().WithMessage("labels is a sparse tensor*").WithParameterName("labels");
        FluentActions.Invoking(() => ThreatModel.Linf(0.1).Project(Fine(), Fine().to_sparse())).Should().Throw<ArgumentException>().WithMessage("candidate is a sparse tensor*");
    }

    [Fact]
    public void Perturb_NegativeLabel_DoesNotInventANumberOfClasses()
    {
        using var scope = NewDisposeScope();
        var act = () => Attack().Perturb(TinyModels.Linear(dtype: ScalarType.Float32), Fine(), tensor([-1L, 0L]));
        act.Should().Throw<ArgumentException>().Which.Message.Should().NotContain("922337");
    }

    [Fact]
    public void Perturb_BadTargets_NamesThem()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        foreach (var targets in new[] { tensor([0, 1]), tensor([0L]), tensor([0L, 9L]), tensor([0L, -1L]) })
        {
            var act = () => Attack().Perturb(model, Fine(), Good(), new AttackContext { Targets = targets });
            act.Should().Throw<ArgumentException>().WithParameterName("context.Targets");
        }
    }

    [Fact]
    public void Perturb_WrongNumberOfSampleIndices_Refused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var act = () => Attack().Perturb(model, Fine(), Good(), new AttackContext { SampleIndices = [1, 2, 3] });
        act.Should().Throw<ArgumentException>().WithMessage("*3 sample indices for 2 images*");
    }

    [Fact]
    public void Perturb_DisposedOrMissingTensors_Refused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var gone = Fine();
        gone.Dispose();
        var act = () => Attack().Perturb(model, gone, Good());
        act.Should().Throw<ArgumentException>().WithMessage("*disposed*").WithParameterName("images");
        act = () => Attack().Perturb(model, Fine(), null!);
        act.Should().Throw<ArgumentNullException>().WithParameterName("labels");
    }

    [Fact]
    public void Perturb_RoundingOutsideTheBox_IsClamped()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = full([2, 1, 4, 4], 1 + 5e-7, ScalarType.Float64);
        var found = Attack().Perturb(model, images, Good());
        found.max().ToDouble().Should().BeLessThanOrEqualTo(1);
        TensorAssert.AllTrue(Attack().Threat.Contains(images.clamp(0, 1), found));
    }

    private static FgsmAttack Attack() => new(ThreatModel.Linf(0.1));

    private static Tensor Fine() => full([2, 1, 4, 4], 0.5f);

    private static Tensor Good() => tensor([0L, 1L]);
}
