using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// Brings the feature maps of a student to the shapes of another network's (FitNets' regressors): per layer a 1x1 convolution with bias
/// from the student's channels to the teacher's and, where the sizes differ, bilinear interpolation (corners not aligned); a linear layer
/// for features [N,C]. They are trained with the student.
/// </summary>
public sealed class FeatureAdapters : nn.Module, IStatesIdentity
{
    private readonly long[][] _source;
    private readonly long[][] _target;
    private readonly nn.Module<Tensor, Tensor>[] _layers;

    private FeatureAdapters(long[][] from, long[][] to) : base(nameof(FeatureAdapters))
    {
        (_source, _target) = (from, to);
        _layers = new nn.Module<Tensor, Tensor>[from.Length];
        // Creating a Conv2d with bias leaves a temporary tensor behind, which this scope disposes; the parameters belong to no scope.
        using var scope = NewDisposeScope();
        for (var i = 0; i < from.Length; i++)
        {
            _layers[i] = from[i].Length == 1 ? nn.Linear(from[i][0], to[i][0]) : nn.Conv2d(from[i][0], to[i][0], 1);
            register_module($"{i}", _layers[i]);
        }
    }

    /// <summary>Adapters between known shapes, in float32 on the CPU.</summary>
    /// <param name="studentShapes">[C,H,W] or [C] of each layer of the student, without the batch.</param>
    /// <param name="teacherShapes">The same of the teacher, paired by position.</param>
    /// <param name="seed">Seed of the initial weights, which follow PyTorch's default U(-1/sqrt(C), 1/sqrt(C)).</param>
    /// <returns>The adapters, owned by the caller.</returns>
    /// <exception cref="ArgumentException">The lists differ in length or are empty, a shape is neither [C,H,W] nor [C], or the two shapes
    /// of a pair are of different kinds.</exception>
    public static FeatureAdapters Create(IReadOnlyList<long[]> studentShapes, IReadOnlyList<long[]> teacherShapes, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(studentShapes);
        ArgumentNullException.ThrowIfNull(teacherShapes);
        if (studentShapes.Count == 0 || studentShapes.Count != teacherShapes.Count)
        {
            throw new ArgumentException(
                $"There are {studentShapes.Count} shapes of the student and {teacherShapes.Count} of the teacher; " +
                "expected as many, at least one.",
                nameof(teacherShapes));
        }
        for (var i = 0; i < studentShapes.Count; i++)
        {
            var (from, to) = (studentShapes[i], teacherShapes[i]);
            if (from is null || to is null || from.Length is not (1 or 3) || to.Length != from.Length
                || from.Concat(to).Any(size => size < 1))
            {
                throw new ArgumentException(
                    $"Layer {i} has shape {Text(from)} in the student and {Text(to)} in the teacher; " +
                    "expected [C,H,W] in both or [C] in both, without the batch.",
                    nameof(studentShapes));
            }
        }
        return SeededWeights.Create(seed, () => new FeatureAdapters(
            [.. studentShapes.Select(shape => shape.ToArray())],
            [.. teacherShapes.Select(shape => shape.ToArray())]));
    }

    /// <summary>Adapters between two networks, whose shapes are measured with one pass of zeros through each (eval mode, no gradient); on
    /// the student's device and in its dtype.</summary>
    /// <param name="student">The network that will learn.</param>
    /// <param name="teacher">The network to learn from.</param>
    /// <param name="imageShape">[C,H,W] of the images.</param>
    /// <param name="layers">Layers of the student, as for <see cref="FeatureTap.Attach"/>.</param>
    /// <param name="teacherLayers">Layers of the teacher, paired by position; null for the same names.</param>
    /// <returns>The adapters, owned by the caller. For initial weights of another seed than 0, give <see cref="Create"/> the shapes that
    /// <see cref="ShapesOf"/> measures.</returns>
    /// <exception cref="ArgumentException">A layer does not exist, or as for <see cref="Create"/>.</exception>
    public static FeatureAdapters Between(
        IModule student,
        IModule teacher,
        long[] imageShape,
        IReadOnlyList<string> layers,
        IReadOnlyList<string>? teacherLayers = null)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        var adapters = Create(ShapesOf(student, imageShape, layers), ShapesOf(teacher, imageShape, teacherLayers ?? layers));
        if (Weights(student) is { } like) adapters.to(like.device, like.dtype);
        return adapters;
    }

    /// <summary>The student's maps in the teacher's shapes.</summary>
    /// <param name="student">One map [N,C,H,W] (or [N,C]) per adapter, in their order; computed in the adapters' dtype.</param>
    /// <returns>Maps under the same names, owned by the caller; gradients flow through them into student and adapters.</returns>
    /// <exception cref="ArgumentException">Their number, a shape or the device does not fit; the message gives both.</exception>
    public FeatureMaps Adapt(FeatureMaps student)
    {
        ArgumentNullException.ThrowIfNull(student);
        if (student.Count != _layers.Length)
        {
            throw new ArgumentException(
                $"There are {_layers.Length} adapters for {student.Count} feature maps ({string.Join(", ", student.Layers)}).",
                nameof(student));
        }
        using var scope = NewDisposeScope();
        var maps = new List<(string, Tensor)>();
        for (var i = 0; i < _layers.Length; i++)
            maps.Add((student.Layers[i], Adapt(i, student.Layers[i], student[i]).MoveToOuterDisposeScope()));
        return new FeatureMaps(maps);
    }

    // A network states only its type, but these are part of a loss.
    IReadOnlyList<object?> IStatesIdentity.IdentityParts => [ToString()];

    /// <summary>The shapes; part of the text that identifies a training run.</summary>
    /// <returns>For example <c>FeatureAdapters [64,32,32] to [16,32,32], [512] to [64]</c>.</returns>
    public override string ToString() =>
        $"{nameof(FeatureAdapters)} {string.Join(", ", _source.Zip(_target, (from, to) => $"{Text(from)} to {Text(to)}"))}";

    private Tensor Adapt(int i, string layer, Tensor map)
    {
        TensorGuard.Floating(map, layer);
        if (!map.shape.AsSpan(Math.Min(1, map.shape.Length)).SequenceEqual(_source[i]))
        {
            throw new ArgumentException(
                $"Layer '{layer}' has shape {TensorGuard.Shape(map)}; its adapter was made for [N,{string.Join(",", _source[i])}]. " +
                "Make the adapters for this student: FeatureAdapters.Between(...).",
                nameof(map));
        }
        var weight = Weights(_layers[i])!;
        if (!TensorGuard.AreOnSameDevice(map, weight))
        {
            throw new ArgumentException(
                $"Layer '{layer}' is on {map.device} but its adapter on {weight.device}; move the adapters with .to(device).",
                nameof(map));
        }
        var input = map.to(weight.dtype);
        if (_target[i].Length == 1) return _layers[i].call(input);
        // The convolution acts on channels and the interpolation on positions, so their order does not change the result. Shrinking maps
        // first, or enlarging them last, leaves the convolution fewer positions.
        return _target[i][1] * _target[i][2] < _source[i][1] * _source[i][2]
            ? _layers[i].call(Resize(input, _target[i]))
            : Resize(_layers[i].call(input), _target[i]);
    }

    private static Tensor Resize(Tensor map, long[] shape) => map.shape[2] == shape[1] && map.shape[3] == shape[2]
        ? map
        : nn.functional.interpolate(map, size: [shape[1], shape[2]], mode: InterpolationMode.Bilinear, align_corners: false);

    /// <summary>The shapes of a network's feature maps, measured with one pass of zeros (eval mode, no gradient).</summary>
    /// <param name="model">The network.</param>
    /// <param name="imageShape">[C,H,W] of the images.</param>
    /// <param name="layers">As for <see cref="FeatureTap.Attach"/>.</param>
    /// <returns>[C,H,W] or [C] of each layer, without the batch.</returns>
    /// <exception cref="ArgumentException">A layer does not exist, or the image shape is not [C,H,W].</exception>
    public static IReadOnlyList<long[]> ShapesOf(IModule model, long[] imageShape, IReadOnlyList<string> layers)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(imageShape);
        ArgumentNullException.ThrowIfNull(layers);
        if (imageShape.Length != 3)
        {
            throw new ArgumentException(
                $"imageShape is {Text(imageShape)}; expected [C,H,W], without the batch.", nameof(imageShape));
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var evaluation = new EvaluationModeScope(model);
        using var tap = FeatureTap.Attach(model, [.. layers]);
        var like = Weights(model);
        var images = zeros([1, .. imageShape], like?.dtype ?? ScalarType.Float32, like?.device ?? CPU);
        return [.. tap.Forward(images).Features.Select(map => map.shape[1..])];
    }

    private static Tensor? Weights(IModule model) => (model as nn.Module)?.parameters().FirstOrDefault();

    private static string Text(long[]? shape) => shape is null ? "null" : $"[{string.Join(",", shape)}]";
}
