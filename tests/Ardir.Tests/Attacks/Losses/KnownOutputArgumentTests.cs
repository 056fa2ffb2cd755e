using Ardir.Attacks;

namespace Ardir.Tests;

public sealed class KnownOutputArgumentTests
{
    [Fact]
    public void Create_WithoutOneOfItsArguments_NamesIt()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var (images, logits) = (TinyModels.Images(2), zeros(2, 4));
        FluentActions.Invoking(() => new KnownOutput(null!, images, logits)).Should().Throw<ArgumentNullException>().WithParameterName("model");
        FluentActions.Invoking(() => new KnownOutput(model, null!, logits)).Should().Throw<ArgumentNullException>().WithParameterName("images");
        FluentActions.Invoking(() => new KnownOutput(model, images, null!)).Should().Throw<ArgumentNullException>().WithParameterName("logits");
    }

    [Fact]
    public void Create_DisposedImagesOrWholeNumbers_SaysSo()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var (images, disposed) = (TinyModels.Images(2), TinyModels.Images(2));
        disposed.Dispose();
        FluentActions.Invoking(() => new KnownOutput(model, disposed, zeros(2, 4))).Should().Throw<ArgumentException>().WithMessage("images has been disposed.*");
        FluentActions.Invoking(() => new KnownOutput(model, images, zeros([2, 4], ScalarType.Int64))).Should().Throw<ArgumentException>()
            .WithMessage("logits has dtype Int64; expected a floating-point tensor*");
    }
}
