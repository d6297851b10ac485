-- For print, a figure is drawn from its vectors where it has some: the file of the same name in vector/.
function Image(image)
  local name = image.src:match("^figures/(.*)%.png$")
  local vectors = name and "vector/" .. name .. ".svg"
  local file = vectors and FORMAT:match("typst") and io.open(vectors)
  if file then
    file:close()
    image.src = vectors
    return image
  end
end
